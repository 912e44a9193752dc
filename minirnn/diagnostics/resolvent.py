"""σ_min(zI − W), one over the norm of the resolvent (zI − W)⁻¹: how far W is from having the eigenvalue z.

It is the size of the smallest ΔW such that z is an eigenvalue of W + ΔW.  [trefethen2005, thm. 2.1]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minirnn.errors import UsageError

Array = Any
Progress = Callable[[int, int], None]

SMALL = 32          # up to this n one singular value decomposition per point is faster than the iteration
BLOCK = 16          # rows of T that one matrix product brings into a triangular solve
CHUNK = 256         # points that are iterated together
STEPS = 30          # of the Lanczos iteration, before a point is left to the decomposition
TOLERANCE = 1e-4    # of an eigenvalue 1/σ² relative to itself, so half of it of σ


def schur(W: Array) -> Array:
    """T (n, n), complex and upper triangular, with W = Q T Qᴴ and Q unitary: σ_min(zI − W) = σ_min(zI − T).

    W any square matrix on the host; computed in double.  Cost: about 25n³, once per matrix.  [golub2013, sec. 7.5]
    Raises UsageError if an entry is not finite.
    """
    from scipy.linalg import schur

    if not np.all(np.isfinite(W)):
        raise UsageError("the recurrent matrix holds entries that are not finite; look at a checkpoint before that")
    return schur(np.asarray(W, dtype=np.complex128), output="complex")[0]


def smallest_singular_values(T: Array, z: Array, progress: Progress | None = None) -> Array:
    """σ_min(zI − T) for every point of z, in the shape of z; never below `rounding(T)`, where digits stop to count.

    T         (n, n) upper triangular, from `schur`
    z         complex, any shape
    progress  called with (points done, points) now and then

    Small matrices by a singular value decomposition per point, O(n³); others by inverse Lanczos, 5 to 30 pairs of
    triangular solves per point, O(n²), many points at a time. It takes many where singular values crowd at σ_min.
    """
    points = np.asarray(z, dtype=np.complex128).reshape(-1)
    method = by_decomposition if len(T) <= SMALL else by_inverse_lanczos
    found = np.empty(len(points))
    for start in range(0, len(points), CHUNK):
        found[start : start + CHUNK] = method(T, points[start : start + CHUNK])
        if progress is not None:
            progress(min(start + CHUNK, len(points)), len(points))
    return np.maximum(found, rounding(T)).reshape(np.shape(z))


def rounding(T: Array) -> float:
    """ε ‖T‖_F, ε the unit of double precision: the error that writing T down already makes."""
    return float(np.finfo(float).eps * max(np.linalg.norm(T), np.finfo(float).tiny))


def by_decomposition(T: Array, z: Array) -> Array:
    """σ_min(zI − T) for z (P,), from all singular values of every zI − T."""
    R = z[:, None, None] * np.identity(len(T)) - T
    return np.linalg.svd(R, compute_uv=False)[:, -1]


def by_inverse_lanczos(T: Array, z: Array) -> Array:
    """σ_min(zI − T) for z (P,): 1/√θ with θ the largest eigenvalue of (RᴴR)⁻¹, R = zI − T.  [trefethen2005, ch. 39]

    Lanczos with full re-orthogonalisation, for all points at once. The start is the unit vector of the eigenvalue
    nearest to z, exact for a normal matrix, whose T is diagonal, plus a little of every other direction.  A point is
    done when the residual of its Ritz value is below `TOLERANCE`; the few that never are get a decomposition.

    Cost per step: two triangular solves with P right-hand sides, each P n²/2 complex products.
    """
    n = len(T)
    sigma, left = np.zeros(len(z)), np.arange(len(z))
    d, floor = z - np.diag(T)[:, None], rounding(T)                 # (n, P), the diagonals of R
    d = np.where(np.abs(d) < floor, floor, d)                       # z on an eigenvalue is moved by a rounding error
    rng = np.random.default_rng(0)                                  # the result does not depend on it
    q = 1e-2 / np.sqrt(n) * (rng.standard_normal((n, 1)) + 1j * rng.standard_normal((n, 1))) + np.zeros_like(d)
    q[np.argmin(np.abs(d), axis=0), left] += 1
    q /= np.linalg.norm(q, axis=0)
    Q, alpha, beta = q[None], np.zeros((0, len(z))), np.zeros((0, len(z)))
    for k in range(1, min(STEPS, n) + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            y = _solve_adjoint(T, d, Q[-1])                         # R⁻ᴴ q, of which 1/‖y‖ ≥ σ_min
            go = np.max(np.abs(y), axis=0) * floor < 1              # else σ_min is below rounding: 0 is as good
        left, d, y, alpha, beta, Q = left[go], d[:, go], y[:, go], alpha[:, go], beta[:, go], Q[:, :, go]
        w = _solve(T, d, y)                                         # (RᴴR)⁻¹ q
        alpha = np.concatenate([alpha, np.sum((Q[-1].conj() * w).real, axis=0)[None]])
        for _ in range(2):                                          # once is not enough  [golub2013, sec. 10.3]
            overlap = np.sum(Q.conj() * w, axis=1)                  # (k, P)
            w = w - np.sum(Q * overlap[:, None], axis=0)
        b = np.linalg.norm(w, axis=0)
        H = np.zeros((len(left), k, k))
        at = np.arange(k)
        H[:, at, at] = alpha.T
        H[:, at[1:], at[:-1]] = beta.T                              # eigh reads the lower triangle
        theta, S = np.linalg.eigh(H)
        done = (b * np.abs(S[:, -1, -1]) <= TOLERANCE * theta[:, -1]) | (k == n)
        sigma[left[done]] = 1 / np.sqrt(theta[done, -1])
        go = ~done
        left, d, b, w = left[go], d[:, go], b[go], w[:, go]
        alpha, beta = alpha[:, go], np.concatenate([beta[:, go], b[None]])
        if not len(left):
            return sigma
        Q = np.concatenate([Q[:, :, go], (w / b)[None]])
    sigma[left] = by_decomposition(T, z[left])
    return sigma


def _solve(T: Array, d: Array, B: Array) -> Array:
    """X with (zI − T) X = B for each column's z, d its diagonal: x_i = (b_i + Σ_{j>i} t_ij x_j) / d_i, from below."""
    X = np.empty_like(B)
    n = len(T)
    for low in reversed(range(0, n, BLOCK)):
        high = min(low + BLOCK, n)
        X[low:high] = B[low:high] + T[low:high, high:] @ X[high:]   # one product for all rows of a block
        for i in reversed(range(low, high)):
            X[i] = (X[i] + T[i, i + 1 : high] @ X[i + 1 : high]) / d[i]
    return X


def _solve_adjoint(T: Array, d: Array, B: Array) -> Array:
    """Y with (zI − T)ᴴ Y = B: y_i = (b_i + Σ_{j<i} t_ji* y_j) / d_i*, from above."""
    Y = np.empty_like(B)
    n, Th, d = len(T), T.conj().T, d.conj()
    for low in range(0, n, BLOCK):
        high = min(low + BLOCK, n)
        Y[low:high] = B[low:high] + Th[low:high, :low] @ Y[:low]
        for i in range(low, high):
            Y[i] = (Y[i] + Th[i, low:i] @ Y[low:i]) / d[i]
    return Y
