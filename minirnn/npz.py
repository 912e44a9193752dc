"""npz files: written with every error told, and read only as far as they bear out what they claim.

What a header says is never allocated on trust.
"""

from __future__ import annotations

import io
import math
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

KINDS = "biufcU"        # booleans, numbers, text: nothing that would have to be unpickled


class Damaged(ValueError):
    """The file is no npz of plain arrays, as `np.savez` writes them; says why not."""


def read(path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a file that `np.savez` wrote: not compressed, no objects.

    Memory: at most three times the size of the file, whatever its headers claim; so compressed members, which can grow
    a thousandfold, and members that overlap are refused.
    raises    Damaged, OSError
    """
    with open(path, "rb") as file:
        left = os.fstat(file.fileno()).st_size
        arrays = {}
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    left -= member.file_size
                    if member.compress_type != zipfile.ZIP_STORED or left < 0:
                        raise Damaged(f"{member.filename!r} is compressed, or claims more bytes than there are")
                    arrays[member.filename.removesuffix(".npy")] = array(bytearray(archive.read(member)))
        except (OSError, Damaged, MemoryError):
            raise
        except Exception as error:                                  # damaged archives raise some ten kinds of these
            raise Damaged(str(error) or type(error).__name__) from None
    return arrays


def write(file: BinaryIO, arrays: dict[str, np.ndarray]) -> None:
    """What `np.savez` writes, but closed where the disk is full: some releases of it leave the archive open then."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, x in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(x), allow_pickle=False)


def array(content: bytearray) -> np.ndarray:
    """The array of an npy file, over the memory of `content`.  raises Damaged"""
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise Damaged("it is of a version that np.savez does not write for plain arrays")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:                                      # the header is Python's syntax: anything may come
        raise Damaged(f"an array's header cannot be read ({type(error).__name__})") from None
    size, start = math.prod(shape) * dtype.itemsize, stream.tell()
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise Damaged(f"an array of {dtype} is not read: it is neither numbers nor text")
    if min(shape, default=0) < 0 or size != len(content) - start:
        raise Damaged(f"an array's header claims {size:,} bytes, and {len(content) - start:,} follow")
    return np.ndarray(shape, dtype, content, start, order="F" if fortran else "C")
