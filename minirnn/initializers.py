"""Initial distributions, in float64; the model casts once. `rng` is a numpy Generator on the host."""

from __future__ import annotations

import numpy as np

from minirnn.errors import UsageError


def uniform(shape: tuple[int, ...], bound: float, rng: np.random.Generator) -> np.ndarray:
    """U(−bound, bound). Libraries start every matrix of an RNN at bound = 1/√n."""
    return rng.uniform(-bound, bound, shape)


def glorot(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """U(±√(6/(rows + columns))): keeps the variance through one layer, both ways.  [glorot2010, eq. 16]"""
    return uniform(shape, np.sqrt(6 / sum(shape)), rng)


def identity(n: int) -> np.ndarray:
    """I (n, n): the network starts by remembering.  [le2015]"""
    return np.eye(n)


def orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A Haar-distributed matrix with orthonormal columns (rows, if wide).  [saxe2014; mezzadri2007]

    QR of a Gaussian matrix, with R's diagonal made positive: without that the distribution depends on the QR routine.
    """
    rows, columns = shape
    if rows < columns:
        return orthogonal((columns, rows), rng).T
    Q, R = np.linalg.qr(rng.standard_normal(shape))
    return Q * np.where(np.diagonal(R) >= 0, 1.0, -1.0)


def signs(n: int, negative: int) -> np.ndarray:
    """D (n,): +1, and −1 at the last `negative` entries. det W of a scaled Cayley transform is (−1)^negative."""
    if not 0 <= negative <= n:
        raise UsageError(f"the number of negative signs must lie in 0..{n} (got {negative})")
    return np.where(np.arange(n) < n - negative, 1.0, -1.0)


def helfrich(n: int, rng: np.random.Generator) -> np.ndarray:
    """Skew coordinates A (n, n) whose Cayley transform rotates ⌊n/2⌋ planes by angles from U(0, π/2).  [helfrich2018]

    The block [[0, −t], [t, 0]], t = tan(s/2) = √((1 − cos s)/(1 + cos s)), becomes [[cos s, sin s], [−sin s, cos s]].
    """
    if n < 2:
        raise UsageError(f"helfrich needs n >= 2 (got {n}); a 1 x 1 skew-symmetric matrix is zero")
    A = np.zeros((n, n))
    first = np.arange(0, n - 1, 2)
    A[first, first + 1] = -np.tan(rng.uniform(0, np.pi / 2, len(first)) / 2)
    return A


def henaff(n: int, rng: np.random.Generator) -> np.ndarray:
    """Skew coordinates A (n, n) whose exponential rotates ⌊n/2⌋ planes by angles from U(−π, π).  [henaff2016]"""
    if n < 2:
        raise UsageError(f"henaff needs n >= 2 (got {n}); a 1 x 1 skew-symmetric matrix is zero")
    A = np.zeros((n, n))
    first = np.arange(0, n - 1, 2)
    A[first, first + 1] = rng.uniform(-np.pi, np.pi, len(first))
    return A


def blocks(n: int, g: int | None, rng: np.random.Generator, gates: int = 1) -> np.ndarray:
    """g diagonal blocks per gate, (gates, g, m, m) with m = n/g, from U(±1/√m): each block starts as a small network.

    g None takes the largest number of blocks that are not smaller than their number.
    """
    fitting = [d for d in range(1, n + 1) if n % d == 0]
    g = max(d for d in fitting if d * d <= n) if g is None else g
    if g not in fitting:
        raise UsageError(f"{g} blocks do not divide {n} units; choose one of {', '.join(map(str, fitting))}")
    m = n // g
    return uniform((gates, g, m, m), 1 / np.sqrt(m), rng)
