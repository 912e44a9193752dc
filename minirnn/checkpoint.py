"""Checkpoints: one flat npz, written beside the old one and renamed, read without ever unpickling."""

from __future__ import annotations

import glob
import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np

from minirnn import backend, npz
from minirnn.errors import UsageError

FORMAT = 1
PART = ".part"      # how the name of a file ends that is being written
Arrays = dict[str, Any]


def save(path: Path, arrays: Arrays, about: dict[str, Any]) -> None:
    """Write {name: array}, from whatever device, and a description; the old file stays until the new one is whole."""
    text = json.dumps({"format": FORMAT, **about}, sort_keys=True)
    host: dict[str, Any] = {name: backend.to_host(x) for name, x in arrays.items()}
    replace(path, lambda file: npz.write(file, {"about": np.asarray(text), **host}))


def load(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """({name: array}, description).  raises UsageError if the file is missing, damaged, or not a checkpoint."""
    try:
        arrays = npz.read(path)
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT:
            raise UsageError(f"{path} has format {about['format']}, this version reads {FORMAT}; use the other version")
        return arrays, about
    except FileNotFoundError:
        raise UsageError(f"there is no checkpoint {path}; is {path.parent} the folder of a run?") from None
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{path} is truncated or no minirnn checkpoint ({error}); restore it or start again") from None


def restore(target: Arrays, found: Arrays, path: Path) -> None:
    """Copy `found` into the arrays of `target` in place, wherever they are.

    raises UsageError if names, shapes or types differ, or if integers are not those of `target` in some order: they are
    indices (a permutation, the planes of rotations), and on a device one out of range would wrap around.
    """
    lacks, extra = sorted(target.keys() - found.keys()), sorted(found.keys() - target.keys())
    if lacks or extra:
        which = " and ".join(f"{word} {_some(names)}" for word, names in (("lacks", lacks), ("has", extra)) if names)
        raise UsageError(f"{path} belongs to another model, or to another version of minirnn: it {which}; load it with "
                         "the version that wrote it, or train again")
    for name in sorted(target):
        if target[name].shape != found[name].shape or target[name].dtype != found[name].dtype:
            kinds = f"{_kind(found[name])} there and {_kind(target[name])} here"
            raise UsageError(f"{path} belongs to another model: {name!r} is {kinds}")
        if found[name].dtype.kind in "iu" and not _rearranged(found[name], backend.to_host(target[name])):
            raise UsageError(f"{path} is damaged: {name!r} holds other indices than this model; restore it")
    for name, x in target.items():
        x[...] = np.asarray(found[name], like=x)


def replace(path: Path, write: Any) -> None:
    """Write a file under a temporary name in the same folder, flush it to disk, and rename it over `path`."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def tidy(*paths: Path) -> None:
    """Remove what killed processes left of writing these files; for who alone may write them now."""
    for path in paths:
        for left in path.parent.glob(f".{glob.escape(path.name)}.*{PART}"):
            left.unlink(missing_ok=True)


def _rearranged(x: np.ndarray, y: np.ndarray) -> bool:
    return np.array_equal(np.sort(x, axis=None), np.sort(y, axis=None))


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:4])) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _kind(x: Any) -> str:
    return f"{x.dtype} {'x'.join(map(str, x.shape)) or 'scalar'}"
