"""The ledger of a sweep: one JSON file per run that has ended, named by the run's hash.

A file is written beside its place, flushed to disk and renamed: at whatever moment a process is killed, an entry is
whole or absent. Each has one writer, who holds the run's lock.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minirnn import checkpoint

FINISHED, FAILED, WAITING = "finished", "failed", "waiting"
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
            found = json.loads((self.folder / f"{job}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, UnicodeDecodeError, json.JSONDecodeError):
            return None
        return found if isinstance(found, dict) and found.get("status") in (FINISHED, FAILED) else None

    def status(self, job: str) -> str:
        entry = self.read(job)
        return entry["status"] if entry else WAITING

    def lock(self, job: str) -> Path:
        """The file whose lock the writer of an entry holds."""
        return self.folder / f".{job}.lock"
