"""Linear algebra whose failures are raised, on the host and on a device; systems in their arguments' precision."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minirnn.backend.transfer import is_device

Array = Any


def solve(A: Array, B: Array) -> Array:
    """X with A X = B, computed in the precision of the arguments.

    np.linalg.solve works in double even on float32, and takes several times as long as LAPACK's single-precision LU,
    which SciPy offers.  A singular A raises LinAlgError on the host and on the device.
    """
    if is_device(A) or A.ndim != 2 or np.result_type(A, B).char not in "fF":
        with linalg_errors(A):
            return np.linalg.solve(A, B)
    (gesv,) = _lapack(("gesv",), (A, B))
    _, _, X, info = gesv(A, B if B.ndim == 2 else B[:, None])
    if info != 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return np.ascontiguousarray(X).reshape(B.shape)


def inverse(A: Array) -> Array:
    """A⁻¹ in the precision of A, for one that is far from singular: its error is rounding times the condition number.

    Used twice, it takes the place of two calls of `solve`, each of which takes half as long again in single precision.
    A singular A raises LinAlgError on the host and on the device.
    """
    if is_device(A) or A.ndim != 2 or A.dtype.char not in "fF":
        with linalg_errors(A):
            return np.linalg.inv(A)
    getrf, getri = _lapack(("getrf", "getri"), (A,))
    lu, pivots, _ = getrf(A.T)                                      # of Aᵀ: LAPACK wants columns first
    X, info = getri(lu, pivots, lwork=64 * len(A), overwrite_lu=True)
    if info != 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return X.T


def _lapack(names: tuple[str, ...], arrays: tuple[Array, ...]) -> Any:
    """LAPACK's routines of these names for the type of the arrays, from SciPy, on one thread.

    SciPy's BLAS has a pool of threads beside NumPy's. Where both have several, the idle ones of each, which spin, take
    the processor from the other: a training step with `expmap` (n = 128, two threads) took 65 ms, and takes 26.
    """
    linalg, own = _scipy()
    for library in own:
        library.set_num_threads(1)
    return linalg.get_lapack_funcs(names, arrays)


@cache
def _scipy() -> tuple[Any, list[Any]]:
    """(scipy.linalg, imported where it is first needed; what controls the BLAS that is SciPy's alone)."""
    import scipy.linalg
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController().lib_controllers              # a wheel brings its own; others may share NumPy's
    return scipy.linalg, [lib for lib in libraries if _scipys(Path(lib.filepath))]


def _scipys(file: Path) -> bool:
    return file.parent.name == "scipy.libs" or file.parts[-3:-1] == ("scipy", ".dylibs")    # Linux, Windows; macOS


def eig(M: Array) -> tuple[Array, Array]:
    """(values, vectors) of a square matrix.  raises LinAlgError if they are not found"""
    with linalg_errors(M):
        return np.linalg.eig(M)


def eigh(M: Array) -> tuple[Array, Array]:
    """(values, rising; vectors) of a Hermitian matrix.  raises LinAlgError if they are not found"""
    with linalg_errors(M):
        return np.linalg.eigh(M)


def svd(M: Array) -> tuple[Array, Array, Array]:
    """(U, s, Vᴴ) of M = U diag(s) Vᴴ, the narrow one.  raises LinAlgError if it is not found"""
    with linalg_errors(M):
        return np.linalg.svd(M, full_matrices=False)


def linalg_errors(x: Array) -> AbstractContextManager[Any]:
    """A context in which a linear-algebra routine that fails on `x`'s device raises, as it does on the host.

    CuPy's default is to go on with wrong numbers. The price is one wait per routine, for its return code.
    """
    if is_device(x) and sys.modules.get("cupy"):
        import cupyx

        return cupyx.errstate(linalg="raise")
    return nullcontext()
