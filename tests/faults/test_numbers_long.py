"""100,000 steps of time, forward and backward, in the memory of a few hundred of them."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from minirnn import catalog, unroll
from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.losses import MeanSquaredError
from minirnn.parametrizations import ExpMap
from minirnn.tasks.base import Batch

STEPS = [pytest.param(4_000, id="4000"), pytest.param(100_000, id="100000", marks=pytest.mark.many)]
N = 3


def found(memory, model, batch):
    """(loss, gradients, bytes at the peak) of a training step."""
    tracemalloc.start()
    step = catalog.find("memories", memory)().gradients(model, MeanSquaredError(), batch, None, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return step.total / step.count, step.grads, peak


def agrees(name, steps, tolerance=1e-9):
    """A checkpointed gradient of a long sequence is that of the stored one, in a fifth of the memory."""
    rng = np.random.default_rng(0)
    model = catalog.find("models", name)(2, 1, N, rng=rng, dtype=np.float64)
    batch = Batch(rng.standard_normal((steps, 1, 2)), np.ones((1, 1, 1)))
    value, grads, peak = found("checkpoint", model, batch)
    wanted, stored, most = found("store", model, batch)
    assert np.isfinite(value)
    assert value == pytest.approx(wanted, rel=tolerance)
    assert peak <= most / 5
    for path, g in grads.items():
        assert np.all(np.isfinite(g))
        scale = np.max(np.abs(stored[path]), initial=0)
        np.testing.assert_allclose(g, stored[path], rtol=0, atol=tolerance * scale + 1e-300, err_msg=path)


@pytest.mark.promise("long-sequences")
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", ["rnn", "lstm", "urnn-exp"])
def test_the_gradient_of_a_long_sequence_needs_little_memory(name, steps, tried):
    agrees(name, steps)
    tried(steps)


def kept(W, steps, dtype):
    """‖∂h_T/∂h_0‖_F / √n of an Elman network with the modulus as its activation, whose Jacobians are W times signs."""
    n, rng = len(W), np.random.default_rng(1)
    A = np.repeat(0.1 * rng.standard_normal((steps, 1, n)), n, axis=1).astype(dtype)
    w = SimpleNamespace(W=W)
    tape = unroll.forward(Elman(Abs()), A, (np.zeros((n, n), dtype),), w)
    (J,), _, _ = unroll.backward(Elman(Abs()), np.identity(n, dtype)[None], tape, w, lambda steps, dA: None)
    return float(np.linalg.norm(J.astype(np.float64)) / np.sqrt(n))


@pytest.mark.promise("long-sequences")
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_orthogonal_network_keeps_the_norm_of_its_jacobian(steps, dtype, tried):
    """Rounding multiplies it by at most 1 ± 10 ε per step."""
    W = ExpMap(np.random.default_rng(0).standard_normal((4, 4)).astype(dtype)).matrix()[0]
    assert abs(np.log(kept(W, steps, dtype))) <= 10 * np.finfo(dtype).eps * steps
    tried(steps)


# -- planted violations


@pytest.mark.control("long-sequences")
def test_a_matrix_that_is_orthogonal_to_four_digits_alone_is_caught():
    W = 1.0001 * ExpMap(np.random.default_rng(0).standard_normal((4, 4))).matrix()[0]
    assert abs(np.log(kept(W, 4000, "float64"))) > 10 * np.finfo(np.float64).eps * 4000


@pytest.mark.control("long-sequences")
def test_a_memory_that_stores_everything_is_caught(monkeypatch):
    store = catalog.find("memories", "store")
    monkeypatch.setattr(catalog.find("memories", "checkpoint"), "gradients", store.gradients)
    with pytest.raises(AssertionError):
        agrees("rnn", 2000)


@pytest.mark.control("long-sequences")
def test_a_gradient_that_is_truncated_is_caught(monkeypatch):
    from minirnn.bptt import pieces

    monkeypatch.setattr(pieces, "copied", lambda state: tuple(tuple(0 * s for s in layer) for layer in state))
    with pytest.raises(AssertionError):
        agrees("rnn", 2000)
