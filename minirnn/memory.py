"""Memory: freed arrays stay with the process, and arrays that every step uses begin where a cache line does."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minirnn import backend

Array = Any
LINE = 64         # bytes of a cache line, and of the widest vector register
CACHED = 2**17    # numbers that one pass leaves in the cache for the next: half a megabyte in single precision

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3    # names and numbers of malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep what is freed; True if it agreed, False (and nothing changed) where it is not glibc.

    Each training step makes the same few arrays of some megabytes and drops them. By default glibc returns such arrays
    to the kernel, and the next step pays for every page again: a fault, and zeros written to it. That is a tenth to a
    quarter of a step on the benchmark's workloads.

    The price: the process keeps its peak memory until it ends. It is a setting of the whole process, so a program makes
    it, not the library: the command line and the benchmark do.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):                    # musl and macOS; static builds; Windows
        return False
    # glibc before 2.35 refuses thresholds above 32 MiB
    served_from_the_heap = mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, 2**25)
    return bool(served_from_the_heap and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))


def empty(shape: tuple[int, ...], like: Array) -> Array:
    """Room for `shape` numbers of the type of `like`, where `like` is, of its class, from a multiple of 64 bytes on.

    NumPy's own arrays begin at multiples of 16, so three times out of four every vector that is read or written lies
    in two cache lines. A product of (50, 128) by (128, 128) then takes 15.8 µs for 12.1, a sum of two such arrays 1.8
    for 1.0 (float32, one thread).
    """
    if backend.is_device(like):
        return np.empty(shape, dtype=like.dtype, like=like)
    size = math.prod(shape) * like.dtype.itemsize
    room = np.empty(size + LINE, dtype=np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(like.dtype).reshape(shape).view(type(like))


def aligned(x: Array) -> Array:
    """A copy of x, rows first, in such room."""
    y = empty(x.shape, x)
    y[...] = x
    return y


def spaced(M: Array) -> Array:
    """A copy of matrices (..., k, N) on the host: rows begin where a cache line does, an odd number of lines apart.

    A product of a few rows by M reads M some 64 columns at a time. Where rows are a power of two apart, these fall into
    a part of the first cache's places and push each other out. A product of (50, 128) by (128, 128) then takes 12.0 µs
    for 10.5 in float32, 24.9 for 20.5 in float64.
    """
    columns, per_line = M.shape[-1], LINE // M.dtype.itemsize
    lines = -(-columns // per_line) | 1
    room = empty((*M.shape[:-1], lines * per_line), M)[..., :columns]
    room[...] = M
    return room


def cached_rows(x: Array, arrays: int = 1) -> Iterator[slice]:
    """The rows of x (rows, ...), so many at a time that what one pass leaves in the cache, the next finds there.

    arrays   how many arrays of the size of x the passes go over
    Several passes over 10,000 scores per row then take half the time. A device is given all rows at once.
    """
    width = max(1, len(x) if backend.is_device(x) else CACHED // max(1, arrays * math.prod(x.shape[1:])))
    for start in range(0, len(x), width):
        yield slice(start, start + width)
