"""Complex networks: the convention for gradients, and an Elman layer against literal backpropagation through time."""

import numpy as np
import pytest
from complex_numbers import normal

from minirnn import gradcheck
from minirnn.activations import ModReLU
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.layers import Recurrent, SplitLinear
from minirnn.optimizers import SGD, Optimizer
from minirnn.parametrizations import Dense
from minirnn.problems import Problem

# ---- the convention


def test_the_gradient_of_the_squared_modulus_is_twice_the_number():
    z = np.array([1 + 2j])
    problem = Problem({"z": z}, lambda: float(np.abs(z[0]) ** 2), lambda: {"z": 2 * z})
    (row,) = gradcheck.check(problem)
    assert row.passed
    assert row.numeric == pytest.approx(2 + 4j, abs=1e-9)


def test_half_of_it_the_derivative_by_the_conjugate_is_told_apart():
    z = np.array([1 + 2j])
    (row,) = gradcheck.check(Problem({"z": z}, lambda: float(np.abs(z[0]) ** 2), lambda: {"z": z}))
    assert row.hint == "it is 0.5 times the true gradient"


def test_descent_subtracts_the_gradient_as_it_is():
    z = np.array([1 + 2j])
    Optimizer({"z": z}, [("*", SGD(0.1))]).step({"z": z}, {"z": 2 * z})
    assert z[0] == pytest.approx(0.8 * (1 + 2j))


# ---- a complex Elman network, literally


def literal_bptt(X, U, W, b, h0, dH):
    """Each sample and each step by itself, with exact modReLU's Jacobian as a real 2 x 2 matrix per unit."""
    T, B, m = X.shape
    n = len(W)
    h, z = np.zeros((T + 1, B, n), complex), np.zeros((T, B, n), complex)
    for s in range(B):
        h[0, s] = h0
        for t in range(T):
            z[t, s] = W @ h[t, s] + U @ X[t, s]
            a = np.abs(z[t, s])
            h[t + 1, s] = z[t, s] / a * np.maximum(a + b, 0)
    dU, dW, db, dh0, dX = np.zeros_like(U), np.zeros_like(W), np.zeros(n), np.zeros(n, complex), np.zeros((T, B, m))
    for s in range(B):
        carry = np.zeros(n, complex)
        for t in reversed(range(T)):
            g, dz = dH[t, s] + carry, np.zeros(n, complex)
            for k in range(n):
                x, y = z[t, s, k].real, z[t, s, k].imag
                a = np.hypot(x, y)
                if a + b[k] <= 0:
                    continue
                r = np.array([x, y]) / a
                J = (1 + b[k] / a) * np.identity(2) - b[k] / a * np.outer(r, r)      # ∂(Re h, Im h)/∂(Re z, Im z)
                v = J.T @ [g[k].real, g[k].imag]
                dz[k] = v[0] + 1j * v[1]
                db[k] += r @ [g[k].real, g[k].imag]
            dW += np.outer(dz, h[t, s].conj())
            dU += np.outer(dz, X[t, s])
            dX[t, s] = (U.conj().T @ dz).real
            carry = W.conj().T @ dz
        dh0 += carry
    return h, {"U": dU, "W": dW, "activation.b": db, "h0": dh0}, dX


@pytest.mark.parametrize("T", [1, 16, 19])
def test_a_complex_elman_layer_equals_literal_bptt(T):
    n, m, B = 4, 3, 2
    U, W, h0, b = normal((n, m)), normal((n, n), 1) / 4, normal(n, 2), np.array([-0.5, -0.1, 0.0, 0.2])
    X, dH = normal((T, B, m), 3).real.copy(), normal((T, B, n), 4)
    layer = Recurrent(Elman(ModReLU(b)), Dense(U), None, h0=(h0,), W=Dense(W))
    H, _, tape = layer.forward(X)
    dX, grads = layer.backward(dH, tape)
    h, wanted, wanted_dX = literal_bptt(X, U, W, b, h0, dH)
    np.testing.assert_allclose(H, h[1:], rtol=1e-12)
    assert set(grads) == set(wanted)
    for name, d in wanted.items():
        np.testing.assert_allclose(grads[name], d, rtol=1e-10, atol=1e-12)
    assert dX.dtype == X.dtype
    np.testing.assert_allclose(dX, wanted_dX, rtol=1e-10, atol=1e-12)


def test_real_and_complex_matrices_do_not_mix():
    with pytest.raises(UsageError, match="all be real or all complex"):
        Recurrent(Elman(ModReLU(np.zeros(3))), Dense(np.ones((3, 2))), None, W=Dense(normal((3, 3))))
    with pytest.raises(UsageError, match="needs complex matrices"):
        Recurrent(Elman(), Dense(np.ones((3, 2))), normal(3), W=Dense(np.ones((3, 3))))


def test_the_split_read_out_is_the_real_part_of_a_complex_one():
    W, X = normal((4, 10)).real, normal((6, 2, 5))
    Y, _ = SplitLinear(W, np.zeros(4)).forward(X)
    np.testing.assert_allclose(Y, (X @ (W[:, :5] - 1j * W[:, 5:]).T).real, rtol=1e-12, atol=1e-14)
