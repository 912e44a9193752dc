"""The orthogonal systems: gradients in every variant, groups as published, and the same numbers on a device."""

from functools import partial

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, catalog, initializers, perturb
from minirnn.errors import UsageError
from minirnn.gradcheck import check
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error
from minirnn.models import network, scornn, soft_orthogonal_rnn, spectral_rnn, urnn_exp
from minirnn.optimizers import Geodesic, Optimizer, PlumbleyMultiplicative, RMSprop
from minirnn.problems import of

SEED = 24
VARIANTS = {
    "spectral, m = 0": partial(spectral_rnn, margin=0),
    "spectral, free": partial(spectral_rnn, margin="none", prior=0.3, activation="tanh"),
    "spectral, m = 1": partial(spectral_rnn, margin=1, weight_decay=0.1, activation="relu"),
    "soft": partial(soft_orthogonal_rnn, strength=0.3),
    "scornn": partial(scornn, negative=1),
    "multiplicative": partial(urnn_exp, gradient="multiplicative"),
    "svd-margin in a network": partial(network, parametrization="svd-margin"),
}


@pytest.mark.parametrize("build", VARIANTS.values(), ids=VARIANTS)
def test_every_variant_has_the_right_gradient(build):
    rng = np.random.default_rng(SEED)
    for _, problem in of("models", build, 4, rng):
        for row in check(problem, rng=rng):
            assert row.passed, row


def test_penalty_line_of_the_recurrent_layer_is_guarded():
    wrong = perturb.perturbed(Recurrent, "C5", 1.001)
    rng = np.random.default_rng(SEED)
    rows = [row for label, problem in of("layers", wrong, 4, rng) if label == "penalties" for row in check(problem)]
    assert {row.parameter for row in rows if not row.passed} == {"U", "W"}


@pytest.mark.parametrize(("power", "scale"), [("plain", 1), ("paper", 5), ("squared", 25), ("matched", 20)])
def test_spectrum_of_a_margin_learns_at_the_papers_rate(power, scale):
    model = spectral_rnn(2, 2, 4, rng=np.random.default_rng(SEED), margin=0.1, spectrum_rate=power)
    rates = {group.pattern: group.lr_scale for group in model.groups}
    assert rates["rnn.*.W.p"] == pytest.approx(scale)
    assert rates["rnn.*.W.U"] == 0.01
    assert {group.rule for group in model.groups if group.pattern[-1] in "UV"} == {"geodesic"}


@pytest.mark.parametrize("m", [0.01, 1.0, 100.0])
def test_matched_rate_moves_the_singular_values_of_a_margin_as_far_as_free_ones(m):
    moved = []
    for margin, rate in ((m, "matched"), ("none", "paper")):
        model = spectral_rnn(2, 2, 4, rng=np.random.default_rng(SEED), margin=margin, spectrum_rate=rate, dtype=float)
        W = model.layers[0].matrices["W"]
        scale = next((group.lr_scale for group in model.groups if group.pattern == "rnn.*.W.p"), 1.0)
        spectrum = W.params["s" if margin == "none" else "p"]
        RMSprop(1e-6 * scale, convention="lasagne").step("p", spectrum, np.ones(4))
        moved.append(W.spectrum() - 1)
    assert moved[0] == pytest.approx(moved[1], rel=1e-4)


def test_scornn_starts_as_published_and_keeps_its_determinant():
    rng = np.random.default_rng(SEED)
    model = scornn(3, 2, 7, rng=rng, negative=3, dtype=np.float64)
    W = model.layers[0].matrices["W"]
    assert np.max(np.abs(model.params["rnn.0.U"])) <= 0.01
    rule, G = RMSprop(0.1, convention="tensorflow"), rng.standard_normal((7, 7))
    for _ in range(50):
        rule.step("A", W.params["A"], W.pullback(G, W.matrix()[1])["A"])
    assert np.linalg.det(W.matrix()[0]) == pytest.approx(-1)
    assert orthogonality_error(W.matrix()[0]) < 1e-13


def test_spectral_network_is_linear_and_starts_orthogonal():
    model = spectral_rnn(3, 2, 6, rng=np.random.default_rng(SEED), margin=0.5, dtype=np.float64)
    assert orthogonality_error(model.layers[0].matrices["W"].matrix()[0]) < 1e-13
    assert "rnn.0.h0" in model.params


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (partial(spectral_rnn, margin="wide"), "margin must be a number"),
        (partial(spectral_rnn, margin=-1.0), "the margin must not be negative"),
        (partial(spectral_rnn, spectrum_rate="x"), "there is no spectrum_rate 'x'"),
        (partial(urnn_exp, gradient="approximate"), "there is no gradient 'approximate'"),
        (partial(scornn, negative=9), r"the number of negative signs must lie in 0\.\.4"),
        (partial(soft_orthogonal_rnn, strength=-1.0), "the strength of a penalty must not be negative"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(build, sentence):
    with pytest.raises(UsageError, match=sentence):
        build(2, 2, 4, rng=np.random.default_rng(SEED))


@pytest.mark.parametrize("name", ["based-expmap", "cayley", "orthogonal", "plumbley", "svd-margin"])
def test_parametrization_runs_on_the_device_bit_for_bit_in_single_precision(name):
    for _, p in catalog.find("parametrizations", name).examples(5, np.random.default_rng(SEED)):
        for arrays in (p.params, p.buffers):
            arrays.update({key: x.astype("float32") for key, x in arrays.items()})
        W, cache = p.matrix()
        grads, device = p.pullback(np.cos(W), cache), StrictDevice()
        for arrays in (p.params, p.buffers):
            arrays.update({key: backend.to(x, device) for key, x in arrays.items()})
        W_there, cache = p.matrix()
        there = p.pullback(np.cos(W_there), cache)
        assert device.to_host == 0
        assert W_there.dtype == "float32"
        np.testing.assert_array_equal(W_there.get(), W)
        for key, d in there.items():
            np.testing.assert_array_equal(d.get(), grads[key])


@pytest.mark.parametrize("name", ["soft-orthogonality", "spectral-prior", "weight-decay"])
def test_regularizer_runs_on_the_device_in_single_precision(name):
    r, W = next(catalog.find("regularizers", name).examples(5, np.random.default_rng(SEED)))[1]
    W = W.astype("float32")
    (value, cache), device = r.forward(W), StrictDevice()
    value_there, cache_there = r.forward(backend.to(W, device))
    assert value_there.dtype == "float32"
    assert device.to_host == 0
    np.testing.assert_array_equal(r.backward(cache_there).get(), r.backward(cache))
    assert value_there.get() == value


@pytest.mark.parametrize("make", [
    partial(Geodesic, 0.1, correct_every=2), partial(Geodesic, 0.1, normalise="rms"),
    partial(PlumbleyMultiplicative, 0.1, correct_every=2), partial(RMSprop, 0.1, convention="arjovsky"),
])
@pytest.mark.parametrize("shape", [(6, 6), (6, 2)])
def test_rule_runs_on_the_device_bit_for_bit_in_single_precision(make, shape):
    if make.func is PlumbleyMultiplicative and shape == (6, 2):
        pytest.skip("square matrices only")
    rng = np.random.default_rng(SEED)
    W, device = initializers.orthogonal(shape, rng).astype("float32"), StrictDevice()
    there, here_rule, there_rule = backend.to(W, device), make(), make()
    for _ in range(4):
        G = rng.standard_normal(shape).astype("float32")
        here_rule.step("W", W, G)
        there_rule.step("W", there, backend.to(G, device))
    assert there.dtype == "float32"
    np.testing.assert_array_equal(there.get(), W)


@pytest.mark.parametrize("name", ["svd-margin", "orthogonal"])
def test_network_gives_manifold_parameters_a_rule_of_their_own(name):
    model = network(2, 2, 4, rng=np.random.default_rng(SEED), parametrization=name)
    groups = [(group.pattern, Geodesic(0.1) if group.rule == "geodesic" else RMSprop(0.1)) for group in model.groups]
    Optimizer(model.params, groups, model.manifold)
