"""The folder of a run: its files, its lock, and whether a run may begin there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from minirnn import checkpoint, locks, toml
from minirnn.errors import UsageError

CONFIG, METRICS, CHECKPOINT, FIGURE = "config.toml", "metrics.jsonl", "checkpoint.npz", "curves.png"
BEST, LOCK = "best.npz", ".lock"


def locked(folder: Path) -> Any:
    """The run's lock, which ends with the process that holds it; what was left half written is removed."""
    lock = locks.hold(folder / LOCK, f"another process is at work in {folder}; wait for it, or name another --dir")
    checkpoint.tidy(*(folder / name for name in (CONFIG, METRICS, CHECKPOINT, BEST, FIGURE)))
    return lock


@contextmanager
def to_be_written(folder: Path) -> Iterator[None]:
    """raises UsageError where a run's folder cannot be written before anything is computed"""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write the run to {folder} ({error.strerror}); name another --dir") from None


def unused(folder: Path) -> Path:
    """The folder.  raises UsageError if it holds anything but what a run leaves that was killed before it began"""
    if folder.exists() and (not folder.is_dir() or any(not _left_over(path) for path in folder.iterdir())):
        raise UsageError(f"{folder} exists already; continue it with --resume {folder}, or name another --dir")
    return folder


def new(folder: Path) -> Path:
    """The folder, or the first of FOLDER-2, FOLDER-3, ... that is not there: made, so that no other run takes it."""
    for name in (folder, *(Path(f"{folder}-{k}") for k in range(2, 1000))):
        with suppress(FileExistsError):
            name.mkdir(parents=True)
            return name
    raise UsageError(f"{folder} and 998 more of its name are there already; name a folder with --dir")


def _left_over(path: Path) -> bool:
    part = path.name.startswith(".") and path.name.endswith(checkpoint.PART)
    return part or path.name == LOCK or (path.name == METRICS and not path.stat().st_size)


def not_begun(folder: Path) -> bool:
    """Whether a run was cut short before its first checkpoint: there is nothing yet that could be lost."""
    if any((folder / name).exists() for name in (CHECKPOINT, BEST)) or not (folder / METRICS).exists():
        return False
    return all(record.get("step") == 0 for record in read_metrics(folder))


def cut_short(folder: Path) -> Path:
    """The folder, of a run that has not begun.  raises UsageError if another process has begun it meanwhile"""
    if not not_begun(folder):
        raise UsageError(f"another process has begun the run of {folder} meanwhile; give the same command again")
    return folder


def tables(folder: Path) -> toml.Tables:
    """The configuration, as it is saved.  raises UsageError if the folder is not that of a run"""
    if not (folder / CONFIG).is_file():
        raise UsageError(f"{folder} is not the folder of a run: it has no {CONFIG}")
    return toml.load(folder / CONFIG)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The records of a run. A line that is none, such as an incomplete last one after a kill, is left out."""
    records = []
    for line in (folder / METRICS).read_bytes().split(b"\n"):
        with suppress(ValueError, RecursionError):
            records.append(json.loads(line))
    return [record for record in records if _is_record(record)]


def _is_record(found: Any) -> bool:
    """Whether it has a split, a step, and besides, but for what was watched, only numbers."""
    if not isinstance(found, dict) or not isinstance(found.get("split"), str):
        return False
    numbers = [found.get("step", "none")]
    if found["split"] != "watch":
        numbers += [x for key, x in found.items() if key not in ("split", "parameters")]
    step = found.get("step")
    return isinstance(step, int) and step >= 0 and all(
        x is None or (isinstance(x, int | float) and not isinstance(x, bool)) for x in numbers
    )
