"""The ledger of a sweep: one JSON file per run that has ended, named by the run's hash.

A file is written beside its place, flushed to disk and renamed: at whatever moment a process is killed, an entry is
whole or absent. Each has one writer, who holds the run's lock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minirnn import checkpoint
from minirnn.errors import RunFailed

FINISHED, FAILED, WAITING = "finished", "failed", "waiting"
SCORES = ("valid_last", "valid_best", "test_last", "test_best", "baseline")     # {metric: number} each, once finished
LARGEST = 1 << 20       # bytes of an entry; a traceback, which is what may be long in one, has some thousands
Entry = dict[str, Any]


class Ledger:
    """Entries by hash; each has a "status", FINISHED or FAILED, and what `sweeps.work` found."""

    def __init__(self, folder: Path):
        self.folder = folder / "ledger"

    def create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, job: str, entry: Entry) -> None:
        text = json.dumps({"id": job, **entry}, indent=1, sort_keys=True) + "\n"
        checkpoint.replace(self.folder / f"{job}.json", lambda file: file.write(text.encode()))

    def read(self, job: str) -> Entry | None:
        """The entry of a run, or None. A file that is no entry, which only another hand can leave, counts as none."""
        try:
            with open(self.folder / f"{job}.json", "rb") as file:
                found = json.loads(file.read(LARGEST + 1)[:LARGEST])
        except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
            return None
        return found if _is_entry(found) else None

    def tidy(self, job: str) -> None:
        """Remove what a killed writer left; for who holds the run's lock."""
        checkpoint.tidy(self.folder / f"{job}.json")

    def status(self, job: str) -> str:
        entry = self.read(job)
        return entry["status"] if entry else WAITING

    def lock(self, job: str) -> Path:
        """The file whose lock the writer of an entry holds."""
        return self.folder / f".{job}.lock"


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """raises RunFailed where what is within cannot write to the sweep's folder: no room, no right, no disk"""
    try:
        yield
    except OSError as error:
        raise RunFailed(
            f"{folder} could not be written ({error.strerror}); what is finished is in its ledger: once there is room, "
            "or the right to write, give the same command again to go on"
        ) from error


def _is_entry(found: Any) -> bool:
    if not isinstance(found, dict) or found.get("status") not in (FINISHED, FAILED):
        return False
    text = (found.get(key, "") for key in ("folder", "goal", "error"))
    return all(isinstance(x, str) for x in text) and all(_are_scores(found.get(part, {})) for part in SCORES)


def _are_scores(part: Any) -> bool:
    return isinstance(part, dict) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in part.values())
