"""The large products of a sequence, arranged so that BLAS makes them fast: of the inputs, and sums over time."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

import numpy as np

from minirnn import backend, memory, panels
from minirnn.linalg import outer_sum, row_sum

Array = Any

NARROW = 16     # rows or columns


def split(Z: Array, gates: int) -> Array:
    """(..., B, G n), the gates side by side, to (..., G, B, n), one after the other: a view. Z itself for one gate."""
    return Z if gates == 1 else Z.reshape(*Z.shape[:-1], gates, -1).swapaxes(-2, -3)


def join(Z: Array, gates: int) -> Array:
    """(..., G, B, n) to (..., B, G n): undoes `split`."""
    return Z if gates == 1 else Z.swapaxes(-2, -3).reshape(*Z.shape[:-3], Z.shape[-2], -1)


def product(X: Array, M: Array, out: Array | None = None) -> Array:
    """X M, X (..., rows of M), as one matrix product: NumPy's own @ would make one per leading index, slower.

    A narrow X or result is made step by step, in half the time: for those products BLAS does not repack its arguments.
    """
    rows = X if _narrow(M, X) else X.reshape(-1, X.shape[-1])
    Y = rows @ M if out is None else np.matmul(rows, M, out=out.reshape(*rows.shape[:-1], -1))
    return Y.reshape(*X.shape[:-1], M.shape[1])


def _narrow(M: Array, X: Array) -> bool:
    """Whether a product of X (T, B, ..) with M is made step by step."""
    return X.ndim == 3 and min(M.shape) <= NARROW <= X.shape[1]


class Affine:
    """Y = X Mᵀ + b, forward and backward, as products with a column of ones beside X: b and b̄ need no pass over Y.

        Y = [X 1] [M b]ᵀ                   (F1)
        [M̄ b̄]ᵀ = [X 1]ᴴ Ȳ                  (F2)

    M (rows, columns), b (rows,) or None for zero; X (..., columns) -> Y (..., rows).
    gates   G: M has the rows of G gates, and each has its own array, X (T, B, columns) -> Y (T, G, B, rows / G)
    Where M has no more rows than columns, putting the ones there would be the longer pass; and a structured matrix has
    no room for b. There b is added and Ȳ summed.
    """

    def __init__(self, M: Array, b: Array | None, gates: int = 1):
        self.M: Array = M
        self.b: Array = b
        self.gates = gates
        self.sums = OuterSums(M)
        self.joins = b is not None and not hasattr(M, "gradient") and M.shape[0] > M.shape[1]

    @cached_property
    def joined(self) -> Array:
        """[M b]ᵀ, made once, for all X."""
        joined = np.concatenate([self.M, self.b[:, None]], axis=1).T
        return memory.aligned(joined) if len(joined) <= NARROW else joined

    def forward(self, X: Array) -> Array:
        if not self.joins:
            Y = product(X, self.M.T)
            return split(Y if self.b is None else np.add(Y, self.b, out=Y), self.gates)
        rows = len(self.M)
        if self.gates > 1 and not backend.is_device(X):
            return self._by_gate(with_ones(X), self.joined.reshape(-1, self.gates, rows // self.gates).swapaxes(0, 1))
        Y = memory.empty((*X.shape[:-1], rows), self.M)
        return split(product(with_ones(X), self.joined, out=Y), self.gates)    # (F1)

    def _by_gate(self, X: Array, joined: Array) -> Array:
        """The same, each gate in one piece of memory: X (T, B, k), joined (G, k, n)."""
        (T, B, _), (G, _, n) = X.shape, joined.shape
        if _narrow(joined[0], X):
            Y = memory.empty((T, G, B, n), self.M)
            return np.matmul(X[:, None], joined, out=Y)             # (F1) step by step
        Y = memory.empty((G, T, B, n), self.M)
        for Y_g, M_g in zip(Y, joined, strict=True):
            product(X, M_g, out=Y_g)                                # (F1)
        return Y.swapaxes(0, 1)

    def gradients(self, dY: Array, X: Array) -> tuple[Array, Array]:
        """(∂L/∂M, ∂L/∂b): sums over all leading axes."""
        dY = join(dY, self.gates)
        if not self.joins:
            return self.sums.found(dY, X), row_sum(dY)
        G = self.sums.found(with_ones(X).conj(), dY.conj())         # (F2) undoes (F1)
        return G[:-1].T, G[-1]

    def adjoint(self, dY: Array) -> Array:
        """∂L/∂X = Ȳ M*."""
        return product(join(dY, self.gates), self.M.conj())


def with_ones(X: Array) -> Array:
    """[X 1]: one more column, of ones."""
    return np.concatenate([X, np.ones_like(X[..., :1])], axis=-1)


class OuterSums:
    """`outer_sum(W, ..)` for one segment of a sequence after the other; where that is faster, a sum of small products.

    BLAS repacks both factors of a large product into an order of its own, and takes those of a small one as they lie
    (see `panels`). So dZ is cut into pieces of a few steps and columns. A result with few rows or columns takes half
    the time; one of 128 × 128, from steps of 50 rows, a tenth less. What is added up lies in the same room for every
    segment, and is therefore in the cache.
    """

    def __init__(self, W: Array):
        self.W: Array = W
        self.room: Array = None

    def found(self, dZ: Array, H: Array) -> Array:
        """Σ over all leading axes of z̄ hᴴ, for dZ (..., rows) and H (..., columns)."""
        size = None if hasattr(self.W, "gradient") or backend.is_device(dZ) else self._size(dZ, H)
        if size is None:
            return outer_sum(self.W, dZ, H)
        (steps, width), (T, B, rows), columns = size, dZ.shape, H.shape[-1]
        count = T // steps
        if self.room is None or len(self.room) < count:
            self.room = memory.empty((count, rows // width, width, columns), H)
        dZ = dZ.reshape(count, steps * B, rows // width, width).transpose(0, 2, 3, 1)
        P = np.matmul(dZ, H.reshape(count, 1, steps * B, columns), out=self.room[:count])
        return row_sum(P.reshape(count, -1)).reshape(rows, columns)

    def _size(self, dZ: Array, H: Array) -> tuple[int, int] | None:
        """(steps, columns of dZ) of each product; None for one product of all."""
        if dZ.ndim != 3 or {dZ.dtype.kind, H.dtype.kind} != {"f"}:
            return None
        size = _small(*dZ.shape, H.shape[-1])
        return size if size is None or size[1] == dZ.shape[-1] or self._small_products_pay else None

    @cached_property
    def _small_products_pay(self) -> bool:
        return panels.small_products_pay()


@cache
def _small(T: int, B: int, rows: int, columns: int) -> tuple[int, int] | None:
    """(steps, width) of small products that serve Σ_t dZ_tᵀ H_t best, dZ (T, B, rows), H (T, B, columns); or None."""
    narrow = min(rows, columns) <= NARROW <= B
    width = rows if narrow else 2 * NARROW
    most = panels.SMALL // (B * width * columns)
    steps = next((s for s in range(min(most, T), 0, -1) if T % s == 0), 1 if narrow else T)
    if narrow:
        return steps, width
    few = T // steps * rows * columns <= memory.CACHED              # numbers to add up
    serves = most > 0 and rows % width == 0 and width <= B and T * B * rows * columns > panels.SMALL
    return (steps, width) if few and serves else None
