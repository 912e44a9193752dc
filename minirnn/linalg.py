"""The few matrix helpers that several components share, each with its formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn import backend

Array = Any


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """σ(x) = 1 / (1 + e⁻ˣ) = (1 + tanh(x / 2)) / 2: the second form cannot overflow."""
    y = np.multiply(x, 0.5, out=out)
    y = np.tanh(y, out=y)
    y *= 0.5
    y += 0.5
    return y


def row_sum(D: Array) -> Array:
    """Σ of the rows of D (..., n), over all leading axes: (n,). A product with ones: 2 to 8 times faster."""
    D = D.reshape(-1, D.shape[-1])
    return np.ones_like(D[:, 0]) @ D


def as_kind(d: Array, x: Array) -> Array:
    """∂L/∂x from the gradient d that a complex formula gives: of a real x that feeds complex numbers, the real part."""
    return d if x.dtype.kind == "c" else d.real


def outer_sum(W: Array, dZ: Array, H: Array) -> Array:
    """∂L/∂W for Z = H Wᵀ: Σ over all leading axes of z̄ hᴴ, as one matrix product.

    dZ (..., rows), H (..., columns) -> (rows, columns). A structured matrix (an operator with `gradient`) answers for
    itself, on its own structure.  Cost: one product, rows x columns x (product of the leading axes).
    """
    if hasattr(W, "gradient"):
        return W.gradient(dZ, H)
    return dZ.reshape(-1, dZ.shape[-1]).T @ H.reshape(-1, H.shape[-1]).conj()


def skew_coordinates(G: Array) -> Array:
    """∂L/∂b_ij (i < j) for B = Σ b_ij (E_ij − E_ji) when G = ∂L/∂B: the strict upper triangle of G − Gᵀ."""
    return np.triu(G - G.T, 1)


def skew(B: Array) -> Array:
    """The skew-symmetric matrix whose strict upper triangle is B's: Σ b_ij (E_ij − E_ji)."""
    upper = np.triu(B, 1)
    return upper - upper.T


def symmetric(G: Array) -> Array:
    """The symmetric part of G, (G + Gᵀ)/2: all that ∂L/∂M says of a symmetric M that stays symmetric."""
    return (G + G.T) / 2


def orthogonality_error(W: Array) -> Array:
    """‖WᴴW − I‖_F, zero for an orthogonal (unitary) W, on the smaller side of an n × p matrix."""
    W = W if W.shape[0] >= W.shape[1] else W.conj().T
    gram = W.conj().T @ W
    return np.linalg.norm(gram - np.identity(gram.shape[0], dtype=W.dtype, like=W))


def generator(G: Array, M: Array) -> Array:
    """A = G Mᴴ − M Gᴴ, skew-Hermitian: with G = ∂L/∂M, the loss falls along −A M at the rate ½‖A‖².  [tagare2011]"""
    K = G @ M.conj().T
    return K - K.conj().T


def cayley(A: Array, X: Array | None = None) -> Array:
    """(I + A)⁻¹ (I − A) X, orthogonal (unitary) times X for a skew A; X = None is the identity, without the product.

    A solve, not an inverse: its error in orthogonality is rounding times the condition number of I + A, which a huge A
    of odd size makes large, since one of its eigenvalues is 0.
    """
    identity = np.identity(A.shape[0], dtype=A.dtype, like=A)
    right = identity - A if X is None else X - A @ X
    return backend.solve(identity + A, right)


def polar(W: Array) -> Array:
    """U Vᴴ of W = U S Vᴴ: the nearest matrix with orthonormal columns (rows, if wide), in the Frobenius norm."""
    U, _, Vh = backend.svd(W)
    return U @ Vh


def newton_schulz(M: Array) -> Array:
    """3/2 M − 1/2 M (Mᴴ M): squares the error of nearly orthonormal columns; needs ‖M‖₂ < √3.  [bjorck1971]"""
    return 1.5 * M - 0.5 * (M @ (M.conj().T @ M))


def reorthogonalised(M: Array) -> Array:
    """M back on the Stiefel manifold: one Newton–Schulz step, and 40 before it if ‖MᴴM − I‖_F is above 0.1.

    Those start at M / ‖MᴴM‖₁^½, with singular values σ ≤ 1, and take σ to σ (3 − σ²)/2: at first half as much again, at
    last 1. So they reach the polar factor of M, if its condition number is below 10⁶.
    A device is not asked: there all of them are computed, and taken where M is far.
    """
    far = orthogonality_error(M) > 0.1
    if backend.may(far):
        P = M / np.sqrt(np.max(np.sum(np.abs(M.conj().T @ M), axis=0)))
        for _ in range(40):
            P = newton_schulz(P)
        M = backend.choose(far, P, M)
    return newton_schulz(M)


def reflect(v: Array, X: Array) -> Array:
    """R X with R = I − 2 v vᴴ/‖v‖², for every column of X (..., n, k): R = Rᴴ = R⁻¹.  [householder1958]"""
    s = v.conj() @ X
    return X - (2 / np.sum((v.conj() * v).real)) * (v[:, None] * s[..., None, :])


def reflection_gradient(v: Array, Y: Array, dY: Array) -> Array:
    """∂L/∂v for Y = R X, from the output Y (n, k): (2/q)(I − v vᴴ/q) K v, q = ‖v‖², K = Ȳ Yᴴ − Y Ȳᴴ.

    It is orthogonal to v and to i v, as it must be: R depends on neither the length nor the phase of v.
    """
    q = np.sum((v.conj() * v).real)
    Kv = dY @ (Y.conj().T @ v) - Y @ (dY.conj().T @ v)
    return (2 / q) * (Kv - (v.conj() @ Kv / q) * v)


def block_product(V: Array, X: Array) -> Array:
    """diag(V_k1 .. V_kg) x for every row x of X and gate k, side by side: V (G, g, m, m), X (..., g m) -> (..., G g m).

    One batched matrix product of (rows, m) by (m, m); multiply-adds: rows G g m².
    """
    G, g, m, _ = V.shape
    grouped = X.reshape(-1, g, m).swapaxes(0, 1)                    # (g, rows, m)
    Z = grouped @ V.swapaxes(-1, -2)                                # (G, g, rows, m)
    return Z.transpose(2, 0, 1, 3).reshape(*X.shape[:-1], G * g * m)


def block_adjoint(V: Array, dZ: Array) -> Array:
    """The adjoint of x → `block_product(V, x)`: Σ_k diag(V_k1 .. V_kg)ᵀ z̄_k, (..., G g m) -> (..., g m)."""
    G, g, m, _ = V.shape
    grouped = dZ.reshape(-1, G, g, m).transpose(1, 2, 0, 3)         # (G, g, rows, m)
    return np.sum(grouped @ V, axis=0).swapaxes(0, 1).reshape(*dZ.shape[:-1], g * m)


def block_gradient(V: Array, dZ: Array, X: Array) -> Array:
    """The adjoint of V → `block_product(V, x)`: Σ over rows of z̄_kj x_jᵀ, in the shape of V, as one batched product."""
    G, g, m, _ = V.shape
    dZ = dZ.reshape(-1, G, g, m).transpose(1, 2, 3, 0)              # (G, g, m, rows)
    return dZ @ X.reshape(-1, g, m).swapaxes(0, 1)                  # (g, rows, m), broadcast over gates


def rotate(X: Array, c: Array, s: Array) -> Array:
    """X with its rows turned in m planes: c x_p − s x_q and s x_p + c x_q; the angle's inverse is −s.

    The rows stand in the order p_1 .. p_m, q_1 .. q_m, and those that stay as they are: so that no row is looked up.
    c, s (m, 1), cosines and sines; X (n, columns).   Cost: 4m multiplications per column.
    """
    m = len(c)
    Y, P, Q = np.empty_like(X), X[:m], X[m : 2 * m]
    np.subtract(c * P, s * Q, out=Y[:m])
    np.add(s * P, c * Q, out=Y[m : 2 * m])
    Y[2 * m :] = X[2 * m :]
    return Y


def power_iteration(W: Array, v: Array) -> tuple[Array, Array]:
    """One step towards the leading singular pair: u = W v / ‖W v‖, then v = Wᴴ u / ‖Wᴴ u‖.  [golub2013, sec. 8.2]

    The error of the directions falls by (σ₂/σ₁)² per step; Re uᴴ W v is then an estimate of ‖W‖₂ from below whose
    error is of second order in that of v. W (rows, columns), v (columns,) -> u (rows,), v (columns,).
    """
    u = W @ v
    u = u / np.linalg.norm(u)
    v = W.conj().T @ u
    return u, v / np.linalg.norm(v)


def rayleigh_quotient(W: Array, x: Array) -> Array:
    """xᴴ W x / xᴴ x: an eigenvalue if x is an eigenvector, second-order accurate near one only if W is normal.

    Its modulus maximised over x is the numerical radius, which is the spectral radius of a normal W and can be
    arbitrarily larger otherwise: [[0, 2], [0, 0]] has spectral radius 0 and numerical radius 1.
    """
    return (x.conj() @ (W @ x)) / (x.conj() @ x).real
