"""Checkpoints: one flat npz, written beside the old one and renamed, read without ever unpickling."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError

FORMAT = 1
Arrays = dict[str, Any]


def save(path: Path, arrays: Arrays, about: dict[str, Any]) -> None:
    """Write {name: array}, from whatever device, and a description; the old file stays until the new one is whole."""
    text = json.dumps({"format": FORMAT, **about}, sort_keys=True)
    host: dict[str, Any] = {name: backend.to_host(x) for name, x in arrays.items()}
    replace(path, lambda file: np.savez(file, about=np.asarray(text), **host))


def load(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """({name: array}, description).  raises UsageError if the file is missing, damaged, or not a checkpoint."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT:
            raise UsageError(f"{path} has format {about['format']}, this version reads {FORMAT}; use the other version")
        return arrays, about
    except FileNotFoundError:
        raise UsageError(f"there is no checkpoint {path}; is {path.parent} the folder of a run?") from None
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UsageError(f"{path} is truncated or no minirnn checkpoint ({error}); restore it or start again") from None


def restore(target: Arrays, found: Arrays, path: Path) -> None:
    """Copy `found` into the arrays of `target` in place, wherever they are.

    raises UsageError if names, shapes or types differ, or if integers are not those of `target` in some order: they are
    indices (a permutation, the planes of rotations), and on a device one out of range would wrap around.
    """
    for name in sorted(target.keys() | found.keys()):
        if name not in found or name not in target:
            raise UsageError(f"{path} belongs to another model: {name!r} is in only one of the two")
        if target[name].shape != found[name].shape or target[name].dtype != found[name].dtype:
            kinds = f"{_kind(found[name])} there and {_kind(target[name])} here"
            raise UsageError(f"{path} belongs to another model: {name!r} is {kinds}")
        if found[name].dtype.kind in "iu" and not _rearranged(found[name], backend.to_host(target[name])):
            raise UsageError(f"{path} is damaged: {name!r} holds other indices than this model; restore it")
    for name, x in target.items():
        x[...] = np.asarray(found[name], like=x)


def replace(path: Path, write: Any) -> None:
    """Write a file under a temporary name in the same folder, flush it to disk, and rename it over `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _rearranged(x: np.ndarray, y: np.ndarray) -> bool:
    return np.array_equal(np.sort(x, axis=None), np.sort(y, axis=None))


def _kind(x: Any) -> str:
    return f"{x.dtype} {'x'.join(map(str, x.shape)) or 'scalar'}"
