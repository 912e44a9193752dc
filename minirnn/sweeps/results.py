"""results.csv: one row per run of the sweep's file, in its order; tidy, one variable per column.

    id, folder, case, TABLE.KEY of each of the grid, run.seed, status, goal
    valid_last_X, valid_best_X, test_last_X, test_best_X, baseline_X     of each metric X; best: of the best validation
    watch_X                                                                X: see `sweeps.numbers`
    steps, ended_by, best_step, parameters, seconds, starts               starts: how often a worker began with it
    minirnn, numpy, python, commit, machine, error

What a run does not have is empty.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from minirnn import checkpoint
from minirnn.sweeps.jobs import Job
from minirnn.sweeps.ledger import SCORES, WAITING, Ledger, written

FILE = "results.csv"
FACTS = ("steps", "ended_by", "best_step", "parameters", "seconds", "starts",
         "minirnn", "numpy", "python", "commit", "machine", "error")
Row = dict[str, Any]


def rows(jobs: list[Job], ledger: Ledger) -> list[Row]:
    """One dict per job, all with the same keys; None where there is nothing."""
    entries = [ledger.read(job.id) or {} for job in jobs]
    metrics = dict.fromkeys(name for entry in entries for part in SCORES for name in entry.get(part, {}))
    watched = dict.fromkeys(name for entry in entries for name in entry.get("watch", {}))
    return [_row(job, entry, list(metrics), list(watched)) for job, entry in zip(jobs, entries, strict=True)]


def write(folder: Path, jobs: list[Job], ledger: Ledger) -> Path:
    """Write results.csv, whole at every moment.  raises RunFailed if it cannot be written"""
    found, text = rows(jobs, ledger), io.StringIO(newline="")
    table = csv.DictWriter(text, list(found[0]) if found else ["id"], lineterminator="\n")
    table.writeheader()
    table.writerows({key: _cell(value) for key, value in row.items()} for row in found)
    with written(folder):
        checkpoint.replace(folder / FILE, lambda file: file.write(text.getvalue().encode()))
    return folder / FILE


def _row(job: Job, entry: dict[str, Any], metrics: list[str], watched: list[str]) -> Row:
    row = {"id": job.id, "folder": entry.get("folder", job.name), "case": job.case, **job.values}
    row |= {"run.seed": job.seed, "status": entry.get("status", WAITING), "goal": entry.get("goal")}
    row |= {f"{part}_{name}": entry.get(part, {}).get(name) for name in metrics for part in SCORES}
    row |= {f"watch_{name}": entry.get("watch", {}).get(name) for name in watched}
    return row | {name: entry.get(name) for name in FACTS}


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict | bool) else value
