"""The gated recurrent unit: three variants against the equations, one number at a time, and what follows from them."""

import math

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, unroll
from minirnn.cells import GRU
from minirnn.diagnostics.gradient_flow import jacobian_norms
from minirnn.errors import UsageError
from minirnn.gates import step_matrices
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error
from minirnn.models import gru, ugru
from minirnn.parametrizations import Dense, ExpMap
from minirnn.products import split

RESETS = ["before", "after", "none"]


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def oracle(X, U, W, W_h, b, h0, reset, b_hn):
    """h (T + 1, B, n), for each sample and each unit alone, with [chu, sec. 4]'s x_t = (1 − u) x_{t-1} + u c."""
    T, B, _ = X.shape
    n = h0.shape[1]
    h = np.zeros((T + 1, B, n))
    h[0] = h0
    for s in range(B):
        for t in range(T):
            a, p = U @ X[t, s] + b, h[t, s]
            u = np.array([sigmoid(a[k] + W[k] @ p) for k in range(n)])
            r = np.array([sigmoid(a[n + k] + W[n + k] @ p) for k in range(n)])
            for k in range(n):
                if reset == "before":
                    z = a[2 * n + k] + sum(W_h[k, j] * r[j] * p[j] for j in range(n))
                elif reset == "after":
                    z = a[2 * n + k] + r[k] * (W_h[k] @ p + b_hn[k])
                else:
                    z = a[2 * n + k] + W_h[k] @ p
                h[t + 1, s, k] = (1 - u[k]) * p[k] + u[k] * math.tanh(z)
    return h


def problem(T=18, B=3, m=2, n=4, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shapes = {"X": (T, B, m), "U": (3 * n, m), "W": (2 * n, n), "W_h": (n, n), "b": (3 * n,), "h0": (B, n)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in (shapes | {"b_hn": (n,)}).items()}


def layer(p, reset):
    cell = GRU(reset, p["b_hn"] if reset == "after" else None)
    return Recurrent(cell, Dense(p["U"]), p["b"], W=Dense(p["W"]), W_h=Dense(p["W_h"]))


def run(p, reset, dH):
    """(H, {name: gradient}) with dH (T, B, n)."""
    recurrent = layer(p, reset)
    H, _, tape = recurrent.forward(p["X"], (p["h0"],))
    dX, grads = recurrent.backward(dH, tape)
    return H, {"X": dX, **grads}


def initial_gradient(p, reset, dH):
    """∂L/∂h₀, as the time loop returns it."""
    cell = layer(p, reset).cell
    w = step_matrices(cell, {"W": p["W"], "W_h": p["W_h"]}, len(p["h0"]))
    tape = unroll.forward(cell, split(p["X"] @ p["U"].T + p["b"], 3), (p["h0"],), w)
    return unroll.backward(cell, dH, tape, w, lambda steps, dA: None)[0][0]


@pytest.mark.parametrize("reset", RESETS)
def test_states_are_those_of_the_equations(reset):
    p = problem()
    H = layer(p, reset).forward(p["X"], (p["h0"],))[0]
    wanted = oracle(**{k: p[k] for k in ("X", "U", "W", "W_h", "b", "h0", "b_hn")}, reset=reset)
    np.testing.assert_allclose(H, wanted[1:], rtol=1e-12, atol=1e-13)


def test_the_variants_differ():
    p = problem()
    H = {reset: layer(p, reset).forward(p["X"], (p["h0"],))[0] for reset in RESETS}
    assert np.max(np.abs(H["before"] - H["after"])) > 0.1
    assert np.max(np.abs(H["before"] - H["none"])) > 0.1


def test_an_open_reset_gate_without_b_hn_makes_the_variants_one():
    """r = 1, to rounding: the product with W_h is the same before and after it."""
    p = problem()
    p["b"][4:8], p["b_hn"][...] = 100, 0
    dH = np.random.default_rng(1).standard_normal((18, 3, 4))
    (H, grads), *others = (run(p, reset, dH) for reset in RESETS)
    for other, other_grads in others:
        np.testing.assert_allclose(other, H, rtol=1e-12)
        for name in ("X", "U", "W", "W_h", "b"):
            np.testing.assert_allclose(other_grads[name], grads[name], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("reset", RESETS)
def test_a_closed_update_gate_carries_state_and_gradient_unchanged(reset):
    p = problem()
    p["b"][:4] = -200
    dH = np.random.default_rng(1).standard_normal((18, 3, 4))
    H, grads = run(p, reset, dH)
    np.testing.assert_array_equal(H, np.broadcast_to(p["h0"], H.shape))
    np.testing.assert_allclose(initial_gradient(p, reset, dH), dH.sum(axis=0), rtol=1e-13, atol=1e-14)
    assert not grads["W_h"].any()


def test_the_unused_reset_gate_receives_exactly_zero():
    p = problem()
    _, grads = run(p, "none", np.random.default_rng(1).standard_normal((18, 3, 4)))
    assert layer(p, "none").cell.unused == ("r",)
    reset_rows = slice(4, 8)
    for name in ("U", "W", "b"):
        assert not grads[name][reset_rows].any(), name
        assert grads[name][:4].all(), name


@pytest.mark.parametrize("reset", ["before", "after"])
def test_a_used_reset_gate_receives_a_gradient(reset):
    p = problem()
    _, grads = run(p, reset, np.random.default_rng(1).standard_normal((18, 3, 4)))
    assert layer(p, reset).cell.unused == ()
    assert grads["W"][4:8].all()


@pytest.mark.parametrize("reset", RESETS)
def test_float32_stays_float32_and_agrees(reset):
    dH = np.random.default_rng(1).standard_normal((18, 3, 4))
    H, grads = run(problem(), reset, dH)
    H32, grads32 = run(problem(dtype=np.float32), reset, dH.astype(np.float32))
    for a, b in [(H, H32), *((grads[name], grads32[name]) for name in grads)]:
        assert b.dtype == np.float32
        assert np.max(np.abs(a - b)) <= 2e-5 * np.max(np.abs(a))       # 100 rounding errors of 1e-7


@pytest.mark.parametrize("reset", RESETS)
def test_the_device_computes_the_same_bits(reset):
    p, dH = problem(dtype=np.float32), np.ones((18, 3, 4), np.float32)
    H, grads = run(p, reset, dH)
    device = StrictDevice()
    H_device, grads_device = run(backend.to(p, device), reset, backend.to(dH, device))
    assert device.to_host == 0
    np.testing.assert_array_equal(backend.to_host(H_device), H)
    for name, d in grads.items():
        np.testing.assert_array_equal(backend.to_host(grads_device[name]), d)


def test_backward_changes_neither_tape_nor_argument():
    p, dH = problem(), np.random.default_rng(1).standard_normal((18, 3, 4))
    recurrent, kept = layer(p, "after"), dH.copy()
    tape = recurrent.forward(p["X"])[2]
    first, second = (recurrent.backward(dH, tape)[1] for _ in range(2))
    np.testing.assert_array_equal(dH, kept)
    for name, d in first.items():
        np.testing.assert_array_equal(d, second[name])


@pytest.mark.parametrize(("arguments", "message"), [
    (("afterwards",), "there is no reset 'afterwards'; did you mean 'after'"),
    (("after",), "none was given"),
    (("before", np.zeros(4)), "one was given for 'before'"),
])
def test_a_reset_that_does_not_fit_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        GRU(*arguments)


def test_a_bias_of_the_wrong_size_is_refused():
    with pytest.raises(UsageError, match=r"b_hn of shape \(4,\)"):
        layer(problem() | {"b_hn": np.zeros(3)}, "after")


# ---- the models


def test_an_orthogonal_candidate_matrix_does_not_preserve_the_norm():
    """‖∂h_35/∂h_1‖_F of the uGRU, n = 50, is far below √n: the gates and tanh scale it at every step."""
    model = ugru(10, 2, 50, rng=np.random.default_rng(0), dtype=np.float64)
    recurrent = model.layers[0]
    assert orthogonality_error(recurrent.matrices["W_h"].matrix()[0]) < 1e-12
    norms = jacobian_norms(recurrent, np.random.default_rng(1).standard_normal((35, 2, 10)))
    assert np.all(norms[0] < 1e-2)
    np.testing.assert_allclose(norms[-1], np.sqrt(50))


def test_only_the_candidate_matrix_of_the_ugru_is_orthogonal():
    recurrent = ugru(3, 2, 6, rng=np.random.default_rng(0)).layers[0]
    assert isinstance(recurrent.matrices["W_h"], ExpMap)
    assert isinstance(recurrent.matrices["W"], Dense)


@pytest.mark.parametrize("build", [gru, ugru])
@pytest.mark.parametrize("reset", RESETS)
def test_models_offer_each_reset(build, reset):
    model = build(3, 2, 6, rng=np.random.default_rng(0), reset=reset)
    assert ("rnn.0.b_hn" in model.params) == (reset == "after")
    assert model.layers[0].cell.unused == (("r",) if reset == "none" else ())
