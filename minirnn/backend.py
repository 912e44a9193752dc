"""What the engine needs to know of CuPy; only `minirnn.kernels` knows more.

The engine is plain `np.` code: a CuPy array answers NumPy calls itself, so where the arrays are decides where the work
runs.  Here is only what NumPy cannot dispatch or does slowly: moving arrays, waiting for the device, adding rows at
repeated indices, solving in single precision, reporting linear-algebra errors, and saying why there is no GPU.

CuPy is imported inside functions, so `import minirnn` stays fast and works without it.  A device array is recognised by
what it offers (`get`, `device`), not by its class: any array library that answers NumPy calls can be a target.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from minirnn.errors import UsageError

Array = Any  # numpy.ndarray or cupy.ndarray


@dataclasses.dataclass(frozen=True)
class CudaStatus:
    """What `resolve` decides from and `minirnn info` prints; `reason` says why not when `usable` is false."""

    usable: bool
    reason: str
    cupy: str | None = None
    driver: str | None = None
    runtime: str | None = None
    devices: tuple[str, ...] = ()


def cuda_status() -> CudaStatus:
    """Find out, in the order in which things are usually missing, whether CuPy can compute here.

    Asking for an array would fail too, but without a driver CUDA answers "driver version is insufficient", which
    sends people to update what they do not have.
    """
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            install = "pip install 'minirnn[cuda12]' (or 'minirnn[cuda13]' for a CUDA 13 driver)"
            return CudaStatus(False, f"CuPy is not installed: {install}")
        return CudaStatus(False, f"CuPy is installed but cannot be imported: {error}")
    runtime = cupy.cuda.runtime
    driver_number, runtime_number = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    facts = {
        "cupy": cupy.__version__,
        "driver": _version(driver_number) if driver_number else None,
        "runtime": _version(runtime_number),
    }
    if driver_number == 0:
        return CudaStatus(False, "no NVIDIA driver is installed on this machine", **facts)
    if driver_number // 1000 < runtime_number // 1000:  # within one major version, older drivers run newer runtimes
        reason = (
            f"the NVIDIA driver supports CUDA {facts['driver']}, but this CuPy is built for CUDA {facts['runtime']}: "
            f"update the driver, or install the CuPy for CUDA {driver_number // 1000}"
        )
        return CudaStatus(False, reason, **facts)
    try:
        count = runtime.getDeviceCount()
    except RuntimeError as error:
        if "InsufficientDriver" in str(error):
            return CudaStatus(False, f"the NVIDIA driver (CUDA {facts['driver']}) is too old: update it", **facts)
        if "NoDevice" not in str(error):
            return CudaStatus(False, f"CUDA does not start: {error}", **facts)
        count = 0
    if count == 0:
        reason = "the NVIDIA driver finds no device: look at CUDA_VISIBLE_DEVICES and nvidia-smi"
        return CudaStatus(False, reason, **facts)
    names = tuple(runtime.getDeviceProperties(i)["name"].decode() for i in range(count))
    try:
        one = cupy.ones((1, 1), dtype=np.float32)
        (one @ one).get()  # memory, kernels and cuBLAS: without CUDA's libraries CuPy imports but cannot multiply
    except (ImportError, RuntimeError, OSError) as error:
        libraries = "the extras 'minirnn[cuda12]' and 'minirnn[cuda13]' bring CUDA's libraries"
        reason = f"CuPy finds {names[0]} but cannot compute on it ({error}); {libraries}"
        return CudaStatus(False, reason, **facts, devices=names)
    return CudaStatus(True, "", **facts, devices=names)


def resolve(name: str) -> str:
    """Turn "numpy", "cupy" or "auto" into "numpy" or "cupy".

    "cupy" never falls back: a run that should be on the GPU and is not costs days.  "auto" may; `cuda_status().reason`
    is what to tell the user then.
    """
    if name not in ("numpy", "cupy", "auto"):
        raise UsageError(f"unknown backend {name!r}; use 'numpy', 'cupy' or 'auto'")
    if name == "numpy":
        return name
    status = cuda_status()
    if status.usable:
        return "cupy"
    if name == "cupy":
        raise UsageError(f"backend 'cupy' cannot be used: {status.reason}")
    return "numpy"


def is_device(x: Any) -> bool:
    """Whether `x` is an array that lives off the host.  Lists, scalars and NumPy arrays do not."""
    return hasattr(x, "__array_function__") and hasattr(x, "get") and not isinstance(x, np.ndarray)


def is_cupy(x: Any) -> bool:
    """Whether `x` is CuPy's own array, which CUDA kernels and CuPy's settings are for; without importing it."""
    return type(x).__module__.partition(".")[0] == "cupy"


def to_host(x: Any) -> np.ndarray:
    """`x` as a NumPy array: the only way back from the device, and the place to look for waits."""
    return x.get() if is_device(x) else np.asarray(x)


def to(tree: Any, target: Any) -> Any:
    """Move every array in `tree` to `target`; arrays that are there already, scalars and None are returned as they are.

    tree    an array, or dicts, lists, tuples, named tuples and dataclasses of them, nested
    target  "numpy", "cupy", or an object with `asarray(array)` that returns its own arrays unchanged
    """
    if target == "cupy":
        import cupy

        move: Callable[[Any], Any] = cupy.asarray
    else:
        move = to_host if isinstance(target, str) and target == "numpy" else target.asarray
    return _map_arrays(move, tree)


def synchronize(x: Any) -> None:
    """Wait until the device that holds `x` has done all its work; nothing to wait for on the host.

    Timings need it: a kernel launch returns before the kernel has run.
    """
    if is_device(x):
        x.device.synchronize()


def add_at(target: Array, ids: Array, values: Array) -> None:
    """target[ids] += values, where an index that occurs k times adds its k rows (plain `+=` adds only one of them).

    target (N, ...); ids any shape, 0 ≤ id < N; values ids.shape + target.shape[1:].  Writes into `target`.

    On the host it is one sparse product, S values with S the 0/1 matrix of which row goes where: 4 to 20 times faster
    than np.add.at.  On the device an id out of range would wrap around silently, so the range is checked: one small
    copy to the host.
    """
    if ids.size == 0:
        return
    if is_device(target):
        low, high = to_host(np.stack([ids.min(), ids.max()]))
        _check_range(low, high, len(target))
        if np.iscomplexobj(target):  # CuPy adds atomically in real types only; real and imag are views
            np.add.at(target.real, ids, values.real)
            np.add.at(target.imag, ids, values.imag)
        else:
            np.add.at(target, ids, values)
        return
    from scipy.sparse import csr_array

    flat = ids.reshape(-1)
    order = np.argsort(flat, kind="stable")
    sorted_ids = flat[order]
    _check_range(sorted_ids[0], sorted_ids[-1], len(target))
    starts = np.concatenate([[0], np.flatnonzero(np.diff(sorted_ids)) + 1])  # where each distinct id begins
    distinct = sorted_ids[starts]
    ones = np.ones(flat.size, dtype=values.dtype)
    S = csr_array((ones, order, np.append(starts, flat.size)), shape=(distinct.size, flat.size))
    sums = S @ values.reshape(flat.size, math.prod(target.shape[1:]))
    target[distinct] += sums.reshape(distinct.size, *target.shape[1:])


def solve(A: Array, B: Array) -> Array:
    """X with A X = B, computed in the precision of the arguments.

    np.linalg.solve works in double even on float32, and takes several times as long as LAPACK's single-precision LU,
    which SciPy offers.  A singular A raises LinAlgError on the host and on the device.
    """
    if is_device(A) or A.ndim != 2 or np.result_type(A, B).char not in "fF":
        with linalg_errors(A):
            return np.linalg.solve(A, B)
    from scipy.linalg import get_lapack_funcs

    (gesv,) = get_lapack_funcs(("gesv",), (A, B))
    _, _, X, info = gesv(A, B if B.ndim == 2 else B[:, None])
    if info != 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return np.ascontiguousarray(X).reshape(B.shape)


def linalg_errors(x: Array) -> AbstractContextManager[Any]:
    """A context in which a linear-algebra routine that fails on `x`'s device raises, as it does on the host.

    CuPy's default is to go on with wrong numbers.
    """
    if is_cupy(x):
        return sys.modules["cupyx"].errstate(linalg="raise")
    return nullcontext()


def _check_range(low: int, high: int, rows: int) -> None:
    if low < 0 or high >= rows:
        raise IndexError(f"ids run from {low} to {high}, outside 0..{rows - 1}")


def _map_arrays(move: Callable[[Any], Any], tree: Any) -> Any:
    """The same containers with `move` applied to the arrays in them."""
    if isinstance(tree, np.ndarray) or is_device(tree):
        return move(tree)
    if isinstance(tree, dict):
        return type(tree)((key, _map_arrays(move, branch)) for key, branch in tree.items())
    if isinstance(tree, tuple | list):
        branches = [_map_arrays(move, branch) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = (field.name for field in dataclasses.fields(tree) if field.init)
        return dataclasses.replace(tree, **{name: _map_arrays(move, getattr(tree, name)) for name in fields})
    return tree


def _version(number: int) -> str:
    """CUDA's integer version, 12090, as people write it, "12.9"."""
    return f"{number // 1000}.{number % 1000 // 10}"
