"""The LSTM with peepholes against its equations, one number at a time."""

import math

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend
from minirnn.cells import LSTM, PeepholeLSTM
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.models import lstm
from minirnn.parametrizations import Dense


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def oracle(X, U, W, b, p_i, p_f, p_o, h0, c0):
    """Gates i, f, g, o for each sample and each unit alone; p_i, p_f see the old c, p_o the new.  h (T + 1, B, n)."""
    T, B, _ = X.shape
    n = h0.shape[1]
    h, c = np.zeros((T + 1, B, n)), np.zeros((T + 1, B, n))
    h[0], c[0] = h0, c0
    for s in range(B):
        for t in range(T):
            z = W @ h[t, s] + U @ X[t, s] + b
            for k in range(n):
                old = c[t, s, k]
                i, f = sigmoid(z[k] + p_i[k] * old), sigmoid(z[n + k] + p_f[k] * old)
                new = f * old + i * math.tanh(z[2 * n + k])
                c[t + 1, s, k] = new
                h[t + 1, s, k] = sigmoid(z[3 * n + k] + p_o[k] * new) * math.tanh(new)
    return h, c


def problem(T=18, B=3, m=2, n=4, dtype=np.float64):
    rng = np.random.default_rng(0)
    shapes = {"X": (T, B, m), "U": (4 * n, m), "W": (4 * n, n), "b": (4 * n,), "h0": (B, n), "c0": (B, n)}
    shapes |= {"p_i": (n,), "p_f": (n,), "p_o": (n,)}
    return {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}


def run(p, dH, cell=None):
    """(H, last c, {name: gradient})."""
    cell = PeepholeLSTM(p["p_i"], p["p_f"], p["p_o"]) if cell is None else cell
    recurrent = Recurrent(cell, Dense(p["U"]), p["b"], W=Dense(p["W"]))
    H, (_, c), tape = recurrent.forward(p["X"], (p["h0"], p["c0"]))
    dX, grads = recurrent.backward(dH, tape)
    return H, c, {"X": dX, **grads}


@pytest.fixture
def dH():
    return np.random.default_rng(1).standard_normal((18, 3, 4))


def test_peephole_states_are_those_of_the_equations(dH):
    p = problem()
    H, c, _ = run(p, dH)
    h_wanted, c_wanted = oracle(**p)
    np.testing.assert_allclose(H, h_wanted[1:], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(c, c_wanted[-1], rtol=1e-12, atol=1e-13)


def test_peepholes_of_zero_are_the_plain_lstm(dH):
    p = problem() | dict.fromkeys(("p_i", "p_f", "p_o"), np.zeros(4))
    H, _, grads = run(p, dH)
    plain, _, plain_grads = run(p, dH, LSTM())
    np.testing.assert_allclose(H, plain, rtol=1e-13)
    for name, d in plain_grads.items():
        np.testing.assert_allclose(grads[name], d, rtol=1e-11, atol=1e-12)
    assert all(grads[name].all() for name in ("p_i", "p_f", "p_o"))


def test_the_output_gate_sees_the_new_memory():
    """T = 1 and c_0 = 0: p_i and p_f have nothing to see, p_o has."""
    p = problem(T=1)
    p["c0"][...] = 0
    _, _, grads = run(p, np.ones((1, 3, 4)))
    assert not grads["p_i"].any()
    assert not grads["p_f"].any()
    assert grads["p_o"].all()


def test_peepholes_in_float32_stay_float32(dH):
    H, c, grads = run(problem(), dH)
    H32, c32, grads32 = run(problem(dtype=np.float32), dH.astype(np.float32))
    for a, b in [(H, H32), (c, c32), *((grads[name], grads32[name]) for name in grads)]:
        assert b.dtype == np.float32
        assert np.max(np.abs(a - b)) <= 2e-5 * np.max(np.abs(a))       # 100 rounding errors of 1e-7


def test_the_device_computes_the_same_peephole_bits():
    p, dH = problem(dtype=np.float32), np.ones((18, 3, 4), np.float32)
    H, _, grads = run(p, dH)
    device = StrictDevice()
    H_device, _, grads_device = run(backend.to(p, device), backend.to(dH, device))
    assert device.to_host == 0
    np.testing.assert_array_equal(backend.to_host(H_device), H)
    for name, d in grads.items():
        np.testing.assert_array_equal(backend.to_host(grads_device[name]), d)


def test_peepholes_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="three vectors"):
        PeepholeLSTM(np.zeros(4), np.zeros(4), np.zeros(3))
    with pytest.raises(UsageError, match=r"p_i of shape \(4,\)"):
        run(problem() | dict.fromkeys(("p_i", "p_f", "p_o"), np.zeros(1)), None)


def test_the_lstm_model_offers_peepholes_that_start_at_zero():
    plain, peepholes = (lstm(3, 2, 6, rng=np.random.default_rng(0), peepholes=on) for on in (False, True))
    assert set(peepholes.params) - set(plain.params) == {"rnn.0.p_i", "rnn.0.p_f", "rnn.0.p_o"}
    x = np.random.default_rng(1).standard_normal((7, 2, 3)).astype(np.float32)
    np.testing.assert_allclose(peepholes.forward(x)[0], plain.forward(x)[0], rtol=1e-5, atol=1e-6)
