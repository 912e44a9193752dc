"""The unitary networks as published: sizes and initial values, that they learn, stay unitary and keep gradients."""

from types import SimpleNamespace

import numpy as np
import pytest
from complex_numbers import normal
from strict_array import StrictDevice

from minirnn.activations import ModReLU
from minirnn.cells import Elman
from minirnn.diagnostics.gradient_flow import jacobian_norms
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import full_urnn, urnn
from minirnn.optimizers import Geodesic, Optimizer, RMSprop
from minirnn.parametrizations import Dense, ExpMap, UnitaryProduct


def test_the_parameter_counts_are_the_papers():
    rng = np.random.default_rng(0)
    n, m, k = 128, 10, 9
    assert urnn(m, k, n, rng=rng, symbols=True).size == 2 * n * (m + k) + 10 * n + k == 6153
    assert full_urnn(m, k, n, rng=rng, symbols=True).size == 2 * n * (m + k) + 3 * n + 2 * n * n + k == 38025


def test_the_initial_values_are_the_papers():
    model, n = urnn(10, 9, 512, rng=np.random.default_rng(0), symbols=True, dtype=np.float64), 512
    p = model.params
    for name, bound in (("rnn.0.U", np.sqrt(6 / (10 + 2 * n))), ("rnn.0.W.v", np.sqrt(6 / (2 + 2 * n))),
                        ("rnn.0.h0", np.sqrt(3 / (2 * n)))):
        for part in (p[name].real, p[name].imag):
            assert 0.95 * bound < np.abs(part).max() <= bound
    assert 0.99 * np.pi < np.abs(p["rnn.0.W.theta"]).max() <= np.pi
    assert 0.0099 < np.abs(p["rnn.0.activation.b"]).max() <= 0.01
    assert not p["readout.b"].any()
    assert "rnn.0.b" not in p
    assert np.linalg.norm(p["rnn.0.h0"]) == pytest.approx(1, abs=0.05)


def optimizer(model, lr):
    rules = {"rmsprop": RMSprop, "geodesic": Geodesic}
    groups = [(g.pattern, rules[g.rule](lr * g.lr_scale, **g.options)) for g in model.groups]
    return Optimizer(model.params, groups, model.manifold)


def train(model, steps, T=12, lr=3e-3):
    """Recall two of four symbols after T − 4 blanks; returns the losses."""
    losses, loss, opt = [], SoftmaxCrossEntropy(), optimizer(model, lr)
    for step in range(steps):
        y = np.random.default_rng(step).integers(0, 4, (2, 20))
        x = np.full((T, 20), 4)
        x[:2], x[-3] = y, 5
        batch = SimpleNamespace(y=y, mask=None)
        out, _, tape = model.forward(x, read=2)
        value, cache = loss.forward(out, batch)
        opt.step(model.params, model.backward(loss.backward(cache), tape))
        losses.append(float(value))
    return losses


@pytest.mark.parametrize("system", [urnn, full_urnn])
def test_a_unitary_network_learns_to_recall(system):
    model = system(6, 4, 32, rng=np.random.default_rng(0), symbols=True)
    losses = train(model, 30)
    assert losses[0] > 1.386                               # ln 4, a guess
    assert np.mean(losses[-5:]) < 0.4
    W = model.layers[0].matrices["W"].matrix()[0]
    assert W.dtype == np.complex64
    assert orthogonality_error(W) <= 1e-4
    kinds = {name: x.dtype for name, x in model.params.items()}
    assert set(kinds.values()) == {np.dtype(np.float32), np.dtype(np.complex64)}


def test_a_straight_line_rule_on_the_unitary_matrix_is_refused():
    model = full_urnn(6, 4, 8, rng=np.random.default_rng(0), symbols=True)
    with pytest.raises(UsageError, match="unitary"):
        Optimizer(model.params, [("*", RMSprop(1e-3))], model.manifold)


@pytest.mark.parametrize("system", [urnn, full_urnn])
def test_a_training_step_stays_on_the_device_and_is_bit_identical(system):
    def step(place):
        model, batch = system(6, 4, 8, rng=np.random.default_rng(0), symbols=True), np.arange(10).reshape(5, 2) % 6
        y, loss = np.array([[0, 1], [2, 3]]), SoftmaxCrossEntropy()
        device = place() if place else None
        if device:
            model, batch, y = model.to(device), device.asarray(batch), device.asarray(y)
        opt = optimizer(model, 1e-3)
        for _ in range(2):
            out, _, tape = model.forward(batch, read=2)
            _, cache = loss.forward(out, SimpleNamespace(y=y, mask=None))
            opt.step(model.params, model.backward(loss.backward(cache), tape))
        return {name: x.get() if device else x for name, x in model.params.items()}

    here, there = step(None), step(StrictDevice)
    for name, x in here.items():
        assert there[name].dtype == x.dtype, name
        np.testing.assert_array_equal(there[name], x)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_a_unitary_network_without_bias_keeps_the_jacobian_at_the_root_of_its_real_dimension(kind):
    n, X = 6, np.zeros((20, 2, 3))
    if kind == "complex":
        W, U = UnitaryProduct.random(n, np.random.default_rng(0)), Dense(normal((n, 3)))
    else:
        W, U = ExpMap(normal((n, n)).real.copy()), Dense(normal((n, 3)).real.copy())
    norms = jacobian_norms(Recurrent(Elman(ModReLU(np.zeros(n))), U, None, W=W), X)
    np.testing.assert_allclose(norms, np.sqrt(n if kind == "real" else 2 * n), rtol=1e-12)
