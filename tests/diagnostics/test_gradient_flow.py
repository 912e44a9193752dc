"""‖∂h_T/∂h_t‖ against differences, products of Jacobians and closed forms."""

import json

import jacobians
import numpy as np
import pytest

from minirnn import models
from minirnn.activations import Abs, Identity, Tanh
from minirnn.cells import LSTM, Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.diagnostics.gradient_flow import GradientFlow, real_size, state_rows
from minirnn.diagnostics.norms import norm
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.parametrizations import Dense, ExpMap
from minirnn.tasks.base import Batch

RNG = np.random.default_rng(0)
n, T, B = 6, 9, 3
X = RNG.standard_normal((T, B, 2))
LAYERS = dict(jacobians.layers())


def layer(cell, W):
    G = len(cell.gates)
    return Recurrent(cell, Dense(RNG.standard_normal((G * n, 2))), RNG.standard_normal(G * n), W=W)


def subject(build=models.rnn, size=n, length=T, seed=0, index=0, **options):
    model = build(2, 3, size, rng=np.random.default_rng(seed), **options)
    rng = np.random.default_rng(seed + 1)
    batch = Batch(rng.standard_normal((length, B, 2)).astype(np.float32), rng.integers(0, 3, (1, B)))
    return Subject(model, index, SoftmaxCrossEntropy(), batch, None, seed)


def joined(rows):
    """The rows of a Jacobian over all states, as real numbers."""
    return np.concatenate([np.concatenate([R.real, R.imag], 1) if R.dtype.kind == "c" else R for R in rows], axis=1)


# ---- the Jacobian itself


@pytest.mark.parametrize("label", LAYERS)
def test_the_jacobian_of_the_whole_state_is_that_of_differences_for_every_cell(label):
    net = LAYERS[label]
    one = np.random.default_rng(1).standard_normal((5, 1, jacobians.m))
    for t, rows in state_rows(net, one, net.cell.states):
        wanted = jacobians.state_jacobian(net, one, t)
        found = joined(rows)
        assert found.shape == wanted.shape == (net.cell.states * real_size(net),) * 2
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-8 * max(1, np.abs(wanted).max()), err_msg=f"t = {t}")


@pytest.mark.parametrize("label", LAYERS)
def test_the_norms_reported_are_those_of_that_jacobian(label):
    net = LAYERS[label]
    one = np.random.default_rng(1).standard_normal((5, 1, jacobians.m))
    N, diagnostic = real_size(net), GradientFlow()
    for states in range(1, net.cell.states + 1):
        fro, two = diagnostic._norms(net, one, states, np.random.default_rng(0))
        for t in range(6):
            J = jacobians.state_jacobian(net, one, t)[: states * N, : states * N]
            assert fro[t] == pytest.approx(np.linalg.norm(J), rel=1e-7)
            assert two[t] == pytest.approx(np.linalg.svd(J, compute_uv=False)[0], rel=1e-7)


def test_it_is_the_norm_of_the_product_of_step_jacobians():
    net = layer(Elman(Tanh()), Dense(RNG.standard_normal((n, n)) / 2))
    W = net.matrices["W"].params[""]
    H = net.forward(X)[0]
    norms = jacobian_norms(net, X)
    for b in range(B):
        J = np.eye(n)
        assert norms[T, b] == pytest.approx(np.sqrt(n))
        for t in reversed(range(T)):
            J = J @ np.diag(1 - H[t, b] ** 2) @ W
            assert norms[t, b] == pytest.approx(np.linalg.norm(J), rel=1e-12)


def test_of_a_linear_network_it_is_a_power_of_W():
    W = RNG.standard_normal((n, n)) / 2
    for t, (rows,) in state_rows(layer(Elman(Identity()), Dense(W)), X[:, :1], 1):
        np.testing.assert_allclose(rows, np.linalg.matrix_power(W, T - t), rtol=0, atol=1e-13)


@pytest.mark.parametrize("W", [ExpMap(RNG.standard_normal((n, n))), Dense(orthogonal((n, n), RNG))])
def test_abs_and_an_orthogonal_matrix_keep_it_at_the_root_of_n(W):
    assert jacobian_norms(layer(Elman(Abs()), W), X) == pytest.approx(np.sqrt(n), abs=1e-10)


def test_an_lstm_agrees_with_finite_differences():
    net = layer(LSTM(), Dense(RNG.standard_normal((4 * n, n)) / 2))
    h0, c0 = RNG.standard_normal((2, 1, n)) / 2
    def last(h):
        return net.forward(X[:, :1], (h, c0))[0][-1, 0]
    zero = np.zeros((1, n))
    net.initial_state = lambda size, like: (np.repeat(h0, size, 0), np.repeat(c0, size, 0))
    h = 1e-6
    J = np.stack([(last(h0 + h * (zero + e)) - last(h0 - h * (zero + e))) / (2 * h) for e in np.eye(n)], axis=1)
    assert jacobian_norms(net, X[:, :1])[0, 0] == pytest.approx(np.linalg.norm(J), rel=1e-7)


# ---- the diagnostic


def rotating(activation):
    """An orthogonal network of 100 units for 30 steps, whose W is not the identity it starts training from."""
    asked = subject(models.urnn_exp, 100, 30, activation=activation)
    A = asked.layer.matrices["W"].params["A"]
    A += np.random.default_rng(2).standard_normal(A.shape)
    return asked


def test_abs_and_an_orthogonal_matrix_of_100_units_keep_the_norm_at_ten():
    found = GradientFlow().measure(rotating("abs"))
    assert found["t"] == list(range(31))
    assert found["examples"] == B
    for name in ("fro_mean", "fro_min", "fro_max"):
        np.testing.assert_allclose(found[name], 10, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["two_max"], 1, rtol=0, atol=1e-12)


def test_relu_and_an_orthogonal_matrix_let_the_norm_decay():
    found = GradientFlow().measure(rotating("relu"))
    assert found["fro_max"][0] < 0.1
    assert found["fro_max"][-1] == pytest.approx(10)


def test_the_curves_are_over_examples_and_the_mean_is_geometric():
    asked = subject(size=5)
    found = GradientFlow(examples=2).measure(asked)
    norms = jacobian_norms(asked.layer, asked.X[:, :2])             # in single precision
    np.testing.assert_allclose(found["fro_mean"], np.sqrt(norms[:, 0] * norms[:, 1]), rtol=1e-4)
    np.testing.assert_allclose(found["fro_min"], norms.min(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found["fro_max"], norms.max(axis=1), rtol=1e-4)
    assert found["examples"] == 2


@pytest.mark.parametrize("index", [0, 1])
def test_a_layer_is_measured_on_what_the_layers_below_say(index):
    asked = subject(models.gru, index=index, layers=2)
    found = GradientFlow().measure(asked)
    H = asked.batch.x
    for below in asked.model.layers[:index]:
        H, _, _ = below.forward(H)
    np.testing.assert_allclose(found["fro_max"], jacobian_norms(asked.layer, H).max(axis=1), rtol=1e-4)


def test_a_cell_with_memory_is_measured_as_a_whole_too():
    found = GradientFlow().measure(subject(models.lstm))
    assert found["fro_mean"][-1] == pytest.approx(np.sqrt(n))
    assert found["state_fro_mean"][-1] == pytest.approx(np.sqrt(2 * n))
    assert np.all(np.array(found["state_fro_min"]) >= found["fro_min"])     # a block is no larger than the whole
    assert np.all(np.array(found["state_two_max"]) >= np.array(found["two_max"]) * (1 - 1e-12))
    assert not any(name.startswith("state") for name in GradientFlow().measure(subject(models.gru)))


def test_norms_far_below_single_precision_are_told_apart():
    found = GradientFlow().measure(subject(length=300, activation="tanh"))
    logs = np.log(found["fro_mean"])
    assert found["fro_mean"][0] < 1e-60
    assert np.all(np.diff(logs) > 0)


def test_a_norm_below_the_root_of_the_smallest_number_is_not_lost():
    x = np.array([3e-200, 4e-200])
    assert norm(x) == pytest.approx(5e-200, rel=1e-14)
    assert norm(np.stack([x, 0 * x]), axis=-1).tolist() == pytest.approx([5e-200, 0], rel=1e-14)


def test_it_can_be_written_down_as_json_and_leaves_the_model_as_it_was():
    asked = subject(models.lstm)
    before = {name: x.copy() for name, x in asked.model.params.items()}
    assert json.loads(json.dumps(GradientFlow().measure(asked)))["examples"] == B
    for name, x in asked.model.params.items():
        assert x.dtype == before[name].dtype
        assert x.tobytes() == before[name].tobytes()


# ---- probes


@pytest.mark.parametrize("build", [models.rnn, models.lstm, models.urnn], ids=["rnn", "lstm", "urnn"])
def test_as_many_probes_as_directions_are_exact(build):
    exact, probed = GradientFlow().measure(subject(build)), GradientFlow(probes=4 * n).measure(subject(build))
    assert probed.pop("probes") == 4 * n
    assert probed == exact


def test_probes_estimate_the_square_of_the_norm_without_bias():
    net, one = layer(Elman(Tanh()), Dense(RNG.standard_normal((n, n)) / 2)), X[:, :1]
    exact, rng = GradientFlow()._norms(net, one, 1, np.random.default_rng(0))[0], np.random.default_rng(1)
    squares = np.stack([GradientFlow(probes=2)._norms(net, one, 1, rng)[0] ** 2 for _ in range(400)])
    error = squares.std(axis=0)[:T] / np.sqrt(400)
    assert np.all(np.abs(squares.mean(axis=0) - exact**2)[:T] <= 4 * error), "seed 1"
    assert np.all(error < 0.1 * exact[:T] ** 2)


@pytest.mark.parametrize("build", [models.rnn, models.lstm, models.urnn], ids=["rnn", "lstm", "urnn"])
def test_probes_bound_the_spectral_norm_from_below(build):
    exact, probed = GradientFlow().measure(subject(build)), GradientFlow(probes=2).measure(subject(build))
    for name in ("two_max", "state_two_max") if build is models.lstm else ("two_max",):
        below = np.array(probed[name]) / exact[name]
        assert np.all(below <= 1 + 1e-12)
        assert np.any(below < 0.999)


def test_probes_are_drawn_from_the_seed_alone():
    first, second = (GradientFlow(probes=2).measure(subject()) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("options", [{"examples": 0}, {"probes": 0}])
def test_nothing_to_measure_is_refused(options):
    with pytest.raises(UsageError, match="at least one"):
        GradientFlow(**options)
