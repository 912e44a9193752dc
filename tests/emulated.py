"""A CUDA device that is not there: kernels are compiled by the host's compiler and run on NumPy or strict arrays.

`EmulatedDevice` answers what `minirnn.kernels.device.Cuda` answers.  Every array without gaps is handed over
between two bands of NaN, so that reading past an end shows in the result and writing past it is reported.
"""

import ctypes
import functools
import shutil
import subprocess
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
COMPILER = shutil.which("g++") or shutil.which("clang++")
BAND = 64


class EmulatedDevice:
    """As many multiprocessors and as much shared memory as said; threads run in ascending or descending order."""

    def __init__(self, folder, shared_limit=227 * 1024, processors=2, descending=False, edit=lambda text: text):
        self.folder, self.shared_limit, self.processors = folder, shared_limit, processors
        self.descending, self.edit, self.launches = descending, edit, []

    def kernel(self, program, walk, dtype, rows, name):
        function = getattr(_library(self.folder, self.edit(program.source(walk)), walk, program.options(dtype, rows)),
                           f"emulate_{name}")

        def launch(blocks, threads, shared_bytes, arguments):
            assert threads <= 1024
            assert shared_bytes <= self.shared_limit
            arguments = tuple(getattr(x, "_host", x) for x in arguments)       # a StrictArray's numbers
            self.launches.append((walk, name, blocks, threads))
            banded = [_banded(x) if isinstance(x, np.ndarray) and x.flags.c_contiguous else None for x in arguments]
            passed = [_as_c(x if band is None else band[BAND:]) for x, band in zip(arguments, banded, strict=True)]
            pointers = (ctypes.c_void_p * len(passed))(*(ctypes.addressof(x) for x in passed))
            code = function(blocks, threads, ctypes.c_long(shared_bytes), self.descending, pointers)
            assert code == 0, f"{walk} {name}: code {code}, see cuda_emulation.h"
            for x, band in zip(arguments, banded, strict=True):
                if band is not None:
                    assert np.all(np.isnan(band[:BAND])), "written before an array"
                    assert np.all(np.isnan(band[BAND + x.size :])), "written past an array"
                    x.reshape(-1)[...] = band[BAND : BAND + x.size]

        return launch


def _banded(x):
    band = np.full(x.size + 2 * BAND, np.nan, dtype=x.dtype)
    band[BAND : BAND + x.size] = x.reshape(-1)
    return band


def _as_c(x):
    if isinstance(x, np.ndarray):
        return ctypes.c_void_p(x.ctypes.data)
    return {np.int32: ctypes.c_int32, np.uint64: ctypes.c_void_p}[type(x)](int(x))


@functools.cache
def _library(folder, source, walk, options):
    shared = "Rows" if walk == "sequence" else "char"
    text = f'#include "cuda_emulation.h"\n{source}\nSHARED_MEMORY({shared})\nEMULATE(forward)\nEMULATE(backward)\n'
    number = len(list(folder.glob("*.cpp")))
    path = folder / f"{number}.cpp"
    path.write_text(text, encoding="utf-8")
    command = [COMPILER, "-std=c++17", "-O1", "-w", "-shared", "-fPIC", f"-I{HERE}", *options, str(path), "-o",
               str(path.with_suffix(".so"))]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return ctypes.CDLL(str(path.with_suffix(".so")))
