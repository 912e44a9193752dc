"""‖∂h_T/∂h_t‖ against products of Jacobians and closed forms."""

import numpy as np
import pytest

from minirnn.activations import Abs, Tanh
from minirnn.cells import LSTM, Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense, ExpMap

RNG = np.random.default_rng(0)
n, T, B = 6, 9, 3
X = RNG.standard_normal((T, B, 2))


def layer(cell, W):
    G = len(cell.gates)
    return Recurrent(cell, Dense(RNG.standard_normal((G * n, 2))), RNG.standard_normal(G * n), W=W)


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
