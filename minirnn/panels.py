"""Matrices cut into panels of columns, which BLAS multiplies by a few rows without copying anything first.

OpenBLAS copies both factors of a product into an order of its own. That pays where each number is used hundreds of
times, but the steps of a recurrent network multiply some 50 rows. For up to 10⁶ multiplications, and on a processor
with AVX-512, it has kernels that read the factors where they lie. So a matrix is cut once per sequence into panels,

    X M = [X M_1  X M_2 ..],  M_j (k, width), contiguous

and a step's product becomes a batch of small ones, in one call. Where a panel would still be too large, the rows of X
are taken in two halves. In microseconds, X (50, k) in float32, one thread:

    k × N        128 × 512    256 × 256    512 × 128    512 × 512
    whole             58           58           60          219
    panels            42           46           48          187

Each number is the same sum in the same order. Beyond k = 384, where OpenBLAS cuts the sum of the whole product in two,
the numbers agree to rounding.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from minirnn import backend, memory

Array = Any

SMALL = 10**6                # multiplications of the largest product that OpenBLAS takes as it is
CUTS = (64, 1), (64, 2), (32, 1), (80, 1), (48, 1), (80, 2)     # columns of a panel, parts of X: the fastest first


class Panels:
    """M (k, N) where `X @ M` is asked of it alone: X (rows, k) -> (rows, N), in `parts` of the rows if they divide."""

    __array_ufunc__ = None      # arrays leave `array @ panels` to __rmatmul__

    def __init__(self, M: Array, width: int, parts: int = 1):
        k, N = self.shape = M.shape
        self.values, self.parts = memory.aligned(M.reshape(k, N // width, width).swapaxes(0, 1)), parts

    def __rmatmul__(self, X: Array) -> Array:
        count, k, width = self.values.shape
        parts = 1 if len(X) % self.parts else self.parts
        Y = np.empty_like(X, shape=(parts, len(X) // parts, count, width))
        np.matmul(X.reshape(parts, 1, -1, k), self.values, out=Y.swapaxes(1, 2))
        return Y.reshape(len(X), -1)

    def conj(self) -> Panels:
        """M itself: it is real."""
        return self

    @property
    def T(self) -> Transposed:
        """Mᵀ, for who asks for the transpose of that: `H @ W.T` with W = M.T."""
        return Transposed(self)


class Transposed:
    """Mᵀ of panels M; has no product of its own."""

    def __init__(self, M: Panels):
        self.T, self.shape, self.values = M, M.shape[::-1], M.values


def laid_out(M: Array, rows: int) -> Array:
    """M (k, N) as `X @ M` is fastest, X (rows, k): panels where these are small products and M is not, or a copy."""
    if backend.is_device(M):
        return memory.aligned(M)
    k, N = M.shape
    if np.iscomplexobj(M) or rows * k * N <= SMALL or not small_products_pay():
        return memory.spaced(M)
    for width, parts in CUTS:
        if N % width == 0 and rows % parts == 0 and rows // parts * k * width <= SMALL:
            return Panels(M, width, parts)
    return memory.spaced(M)


def small_products_pay() -> bool:
    """Whether NumPy's BLAS is OpenBLAS with its kernels for AVX-512, on one thread: small products use only one."""
    libraries = _libraries()
    return bool(libraries) and all(lib.architecture == "SkylakeX" and lib.num_threads == 1 for lib in libraries)


@cache
def _libraries() -> list[Any]:
    return [lib for lib in ThreadpoolController().lib_controllers if lib.internal_api == "openblas"]
