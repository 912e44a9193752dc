"""Perturbed inputs and matrices: gradients by finite differences, balls, orders of strength, exact norms."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, catalog, metrics
from minirnn.diagnostics.perturbed import Perturbed, with_arrays
from minirnn.diagnostics.robustness import Robustness, fgsm, pgd, random_directions, worst_directions
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.models import network
from minirnn.tasks.base import Batch

T, B, K = 7, 5, 3
BUILD = {
    "features": ({}, 3),
    "one-hot": ({"symbols": True}, 3),
    "embedding, two layers": ({"symbols": True, "embedding_size": 2, "layers": 2}, 3),
    "tied": ({"symbols": True, "embedding_size": 6, "tied": True, "n_out": 3}, 3),
    "lstm": ({"cell": "lstm"}, 3),
    "gru": ({"cell": "gru"}, 3),
    "givens": ({"parametrization": "givens", "activation": "leaky-relu"}, 3),
    "diagonal": ({"parametrization": "diagonal"}, 3),
    "complex": ({"parametrization": "unitary", "activation": "modrelu"}, 3),
}


def subject(kind="features", index=0, dtype=np.float64, seed=0, **more):
    options, n_in = BUILD[kind]
    rng = np.random.default_rng(seed)
    options = {"n_out": 4, "dtype": dtype, **options, **more}
    model = network(n_in, hidden_size=6, rng=rng, **options)
    x = rng.integers(0, n_in, (T, B)) if "symbols" in options else rng.standard_normal((T, B, n_in)).astype(dtype)
    mask = np.ones((K, B))
    mask[0, 1:3] = 0
    batch = Batch(x, rng.integers(0, options["n_out"], (K, B)), mask)
    task = SimpleNamespace(metrics={"accuracy": metrics.accuracy})
    return Subject(model, index, SoftmaxCrossEntropy(), batch, task, 11)


def network_of(about):
    model = about.model
    return Perturbed(model.layers, model.readout, about.loss, about.batch), model.encode(about.batch.x)


def loss(tried, X):
    return float(tried.loss.forward(tried.outputs(X), tried.batch)[0])


@pytest.mark.parametrize("kind", BUILD)
def test_without_a_perturbation_it_is_the_model(kind):
    about = subject(kind)
    tried, X = network_of(about)
    wanted = about.model.forward(about.batch.x, read=K)[0]
    assert tried.outputs(X) == pytest.approx(wanted, abs=1e-13)
    assert tried.gradients(X)[0] == pytest.approx(wanted, abs=1e-13)


@pytest.mark.parametrize("kind", BUILD)
def test_gradients_in_input_and_matrix_agree_with_finite_differences(kind):
    about = subject(kind)
    tried, X = network_of(about)
    rng, h = np.random.default_rng(1), 1e-6
    _, dX, grads = tried.gradients(X)
    V = rng.standard_normal(X.shape)
    slope = (loss(tried, X + h * V) - loss(tried, X - h * V)) / (2 * h)
    assert np.sum(dX * V) == pytest.approx(slope, abs=1e-8)
    directions = random_directions(tried, 0, rng)
    def moved(eps):
        layer = with_arrays(tried.layers[0], **{name: eps * d for name, d in directions.items()})
        return Perturbed([layer, *tried.layers[1:]], tried.readout, tried.loss, tried.batch)
    slope = (loss(moved(h), X) - loss(moved(-h), X)) / (2 * h)
    found = sum(np.sum((grads[0][name].conj() * d).real) for name, d in directions.items())
    assert found == pytest.approx(slope, abs=1e-8)


def test_fgsm_takes_the_sign_of_the_finite_difference_in_every_entry():
    tried, X = network_of(subject())
    dX, h, eps = tried.gradients(X)[1], 1e-6, 0.05
    for place in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[place] = h
        slope = (loss(tried, X + step) - loss(tried, X - step)) / (2 * h)
        if abs(slope) > 1e-8:
            assert (fgsm(X, dX, eps) - X)[place] == pytest.approx(eps * np.sign(slope), rel=1e-12)


@pytest.mark.parametrize("kind", BUILD)
@pytest.mark.parametrize("eps", [0.02, 0.3, 2.0])
def test_pgd_stays_in_the_ball_and_no_sequence_is_better_off_than_under_fgsm(kind, eps):
    tried, X = network_of(subject(kind))
    start = fgsm(X, tried.gradients(X)[1], eps)
    found = pgd(tried, X, start, eps, steps=6)
    assert np.max(np.abs(found - X)) <= eps * (1 + 1e-12)
    assert np.all(tried.example_losses(tried.outputs(found)) >= tried.example_losses(tried.outputs(start)) - 1e-12)


def test_pgd_finds_worse_than_fgsm_where_the_loss_is_curved():
    tried, X = network_of(subject(seed=3))
    start = fgsm(X, tried.gradients(X)[1], 1.0)
    assert loss(tried, pgd(tried, X, start, 1.0, 10)) > loss(tried, start) + 1e-3


def test_the_losses_of_the_sequences_add_up_to_the_loss_of_the_batch():
    tried, X = network_of(subject())
    y = tried.outputs(X)
    assert np.sum(tried.example_losses(y)) == pytest.approx(loss(tried, X) * np.sum(tried.batch.mask), rel=1e-12)


@pytest.mark.parametrize("kind", BUILD)
def test_changes_of_a_matrix_have_spectral_norm_one(kind):
    about = subject(kind)
    tried, X = network_of(about)
    grads = tried.gradients(X)[2][0]
    for directions in (worst_directions(tried, grads, 0), random_directions(tried, 0, np.random.default_rng(0))):
        assert directions.keys() == about.layer.matrices.keys()
        for d in directions.values():
            assert np.linalg.norm(d, 2) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("kind", ["features", "gru", "complex"])
def test_the_worst_direction_has_the_nuclear_norm_as_its_slope_and_none_has_more(kind):
    about = subject(kind)
    tried, X = network_of(about)
    grads, rng = tried.gradients(X)[2][0], np.random.default_rng(2)
    for name, d in worst_directions(tried, grads, 0).items():
        most = np.sum((grads[name].conj() * d).real)
        assert most == pytest.approx(np.linalg.norm(grads[name], "nuc"), rel=1e-12)
        u, _, vh = np.linalg.svd(grads[name])
        others = [u[:, :1] @ vh[:1], *(random_directions(tried, 0, rng)[name] for _ in range(20))]
        assert max(np.sum((grads[name].conj() * other).real) for other in others) < most


def test_the_perturbed_layer_leaves_the_model_as_it_is():
    about = subject("givens")
    kept = {name: x.copy() for name, x in about.model.params.items()}
    W = about.layer.matrices["W"].matrix()[0].copy()
    changed = with_arrays(about.layer, W=np.ones((6, 6)))
    assert changed.matrices["W"].matrix()[0] == pytest.approx(W + 1)
    assert about.layer.matrices["W"].matrix()[0].tobytes() == W.tobytes()
    Robustness(steps=2).measure(about)
    assert all(x.tobytes() == kept[name].tobytes() for name, x in about.model.params.items())


@pytest.mark.parametrize("kind", BUILD)
def test_zero_perturbations_change_nothing_and_the_fields_are_tables(kind):
    found = json.loads(json.dumps(Robustness(eps=(0.0,), weight_eps=(0.0,), steps=1).measure(subject(kind))))
    clean = found.pop("clean")
    assert clean.keys() == {"loss", "accuracy"}
    assert found.keys() == {"noise", "fgsm", "pgd", "weights", "weights_random"}
    for table in found.values():
        assert table.pop("eps") == [0.0]
        assert {name: value for name, (value,) in table.items()} == pytest.approx(clean, rel=1e-12)


def test_the_first_effect_of_each_attack_is_its_slope():
    """At ε = 1e-6 the loss rises by ε ‖∂L/∂X‖₁ under FGSM and by ε ‖∂L/∂W‖_* under the worst change of W."""
    about = subject("embedding, two layers", index=1)
    tried, X = network_of(about)
    _, dX, grads = tried.gradients(X)
    found = Robustness(eps=(1e-6,), weight_eps=(1e-6,), steps=1).measure(about)
    rise = {name: (found[name]["loss"][0] - found["clean"]["loss"]) / 1e-6 for name in ("fgsm", "weights")}
    wanted = {"fgsm": np.sum(np.abs(dX)), "weights": np.linalg.norm(grads[1]["W"], "nuc")}
    assert rise == pytest.approx(wanted, rel=1e-4)


def test_what_is_random_depends_on_the_seed_alone():
    first, again = (Robustness(steps=1).measure(subject()) for _ in range(2))
    assert first == again
    about = subject()
    other = Robustness(steps=1).measure(Subject(about.model, 0, about.loss, about.batch, about.task, 12))
    assert other["noise"] != first["noise"]
    assert other["fgsm"] == first["fgsm"]


def test_a_loss_that_is_no_longer_finite_is_null():
    about = subject(activation="relu")
    found = Robustness(weight_eps=(0.1, 1e300), steps=1).measure(about)
    assert found["weights"]["loss"][0] is not None
    assert found["weights"]["loss"][1] is None
    json.dumps(found, allow_nan=False)


def test_a_task_without_accuracy_has_its_own_metrics():
    about = subject()
    batch = Batch(about.batch.x, np.random.default_rng(0).standard_normal((1, B, 4)))
    task = SimpleNamespace(metrics={"mse": metrics.squared_error})
    found = Robustness(steps=1).measure(Subject(about.model, 0, MeanSquaredError(), batch, task, 0))
    assert found["clean"]["loss"] == pytest.approx(found["clean"]["mse"], rel=1e-12)
    assert found["pgd"]["mse"][-1] > found["clean"]["mse"]


def test_only_the_first_examples_are_used():
    about = subject()
    batch = about.batch.map(lambda x: x[:, :2])
    few = Subject(about.model, 0, about.loss, batch, about.task, about.seed)
    assert Robustness(steps=1, examples=2).measure(about) == Robustness(steps=1).measure(few)


@pytest.mark.parametrize("kind", ["features", "embedding, two layers", "lstm", "complex"])
def test_on_a_device_it_finds_what_it_finds_on_the_host(kind):
    wanted, there, device = Robustness(steps=2).measure(subject(kind)), subject(kind), StrictDevice()
    there.model.to(device)
    found = Robustness(steps=2).measure(
        Subject(there.model, 0, there.loss, there.batch.map(lambda x: backend.to(x, device)), there.task, there.seed)
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [({"eps": (-0.1,)}, "zero or larger"), ({"weight_eps": (float("nan"),)}, "zero or larger"),
     ({"steps": 0}, "at least one step"), ({"examples": 0}, "one example")],
)
def test_sizes_and_counts_are_checked_when_it_is_made(options, message):
    with pytest.raises(UsageError, match=message):
        Robustness(**options)


def test_a_network_whose_loss_is_not_finite_is_refused():
    about = subject()
    about.model.params["readout.W"][...] = np.inf
    with pytest.raises(UsageError, match="not finite before anything is perturbed"):
        Robustness().measure(about)


def test_it_is_found_by_its_name():
    assert catalog.find("diagnostics", "robustness") is Robustness
