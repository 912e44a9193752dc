"""The CUDA device as the kernels need it: how much shared memory, how many multiprocessors, and a compiler."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.kernels.programs import Program

Array = Any
NULL = np.uint64(0)     # a null pointer, as an argument


class Cuda:
    """The current device, through CuPy, which keeps what it has compiled on disk."""

    def __init__(self, number: int):
        import cupy

        attributes = cupy.cuda.Device(number).attributes
        self.shared_limit: int = attributes["MaxSharedMemoryPerBlockOptin"]
        self.processors: int = attributes["MultiProcessorCount"]

    @functools.cache  # noqa: B019 - one object per device, for the life of the process
    def kernel(self, program: Program, walk: str, dtype: Any, rows: int, name: str) -> Callable[..., None]:
        """`name`, "forward" or "backward", as kernel(blocks, threads, shared_bytes, arguments).

        raises UsageError if the program does not compile here
        """
        import cupy

        try:
            module = cupy.RawModule(code=program.source(walk), options=("-std=c++14", *program.options(dtype, rows)))
            function = module.get_function(name)
            if walk == "sequence":
                function.max_dynamic_shared_size_bytes = self.shared_limit
        except (cupy.cuda.compiler.CompileException, ImportError, RuntimeError, OSError) as error:
            line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UsageError(
                f"the kernels of {program.cell} cannot be compiled for this device ({line}); use --kernel step"
            ) from error

        def launch(blocks: int, threads: int, shared_bytes: int, arguments: tuple[Any, ...]) -> None:
            function((blocks,), (threads,), arguments, shared_mem=shared_bytes)

        return launch


def device_of(x: Array) -> Cuda | None:
    """The device that holds x; None for arrays that are not CuPy's, which no kernel can read."""
    return _cuda(x.device.id) if backend.is_cupy(x) else None


@functools.cache
def _cuda(number: int) -> Cuda:
    return Cuda(number)


def contiguous(x: Array) -> Array:
    """x, or a copy of it, with its numbers in C order; NumPy's function for this answers for NumPy's arrays alone."""
    return x if x.flags.c_contiguous else x.copy()


def pack(*arguments: Any) -> tuple[Any, ...]:
    """Kernel arguments: whole numbers are C ints, None a null pointer."""
    return tuple(NULL if x is None else np.int32(x) if isinstance(x, int) else x for x in arguments)
