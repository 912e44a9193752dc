"""Moving arrays between host and device, and waiting for the device."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Array = Any


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


def numbers(scalars: Iterable[Array]) -> list[float]:
    """0-d arrays and numbers as Python floats; those on a device come in one copy, however many there are.

    raises TypeError for complex numbers
    """
    found = list(scalars)
    there = [k for k, x in enumerate(found) if is_device(x)]
    if there:
        together = to_host(np.stack([found[k].astype(np.float64) for k in there]))
        for k, x in zip(there, together, strict=True):
            found[k] = x
    return [float(x) for x in found]


def synchronize(x: Any) -> None:
    """Wait until the device that holds `x` has done all its work; nothing to wait for on the host.

    Timings need it: a kernel launch returns before the kernel has run.
    """
    if is_device(x):
        x.device.synchronize()


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
