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
    """M (..., k, N) where `X @ M` is asked of it alone: X (..., rows, k) -> (..., rows, N).

    parts   into how many parts the rows of X are taken, if they divide
    """

    __array_ufunc__ = None      # arrays leave `array @ panels` to __rmatmul__

    def __init__(self, M: Array, width: int, parts: int = 1):
        *lead, k, N = self.shape = M.shape
        self.values, self.parts = memory.aligned(M.reshape(*lead, k, N // width, width).swapaxes(-2, -3)), parts

    def __rmatmul__(self, X: Array) -> Array:
        *lead, count, k, width = self.values.shape
        rows = X.shape[-2]
        parts = 1 if rows % self.parts else self.parts
        Y = np.empty_like(X, shape=(*lead, parts, rows // parts, count, width))
        X = X.reshape(*X.shape[:-2], parts, 1, -1, k)
        np.matmul(X, self.values[..., None, :, :, :], out=Y.swapaxes(-2, -3))
        return Y.reshape(*lead, rows, -1)


def laid_out(M: Array, rows: int) -> Any:
    """M (..., k, N) as `X @ M` is fastest, X (rows, k): panels where they are small products and M is not; a copy."""
    if backend.is_device(M):
        return memory.aligned(M)
    k, N = M.shape[-2:]
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
