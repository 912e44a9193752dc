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


def henaff(n: int, rng: np.random.Generator) -> np.ndarray:
    """Skew coordinates A (n, n) whose exponential rotates ⌊n/2⌋ planes by angles from U(−π, π).  [henaff2016]"""
    if n < 2:
        raise UsageError(f"henaff needs n >= 2 (got {n}); a 1 x 1 skew-symmetric matrix is zero")
    A = np.zeros((n, n))
    first = np.arange(0, n - 1, 2)
    A[first, first + 1] = rng.uniform(-np.pi, np.pi, len(first))
    return A
