"""One run of a sweep, from start or checkpoint to its entry in the ledger. This is what a worker executes.

A worker may be killed at any moment, and another may have been given the same run meanwhile, by a command that was
itself killed. So the run's lock comes first: it is the operating system's, and ends with the process that holds it.
What is then found decides: an entry in the ledger is returned as it is; a trained network is only tested; a checkpoint
is trained further; anything less is removed and begun again.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from minirnn import config, locks
from minirnn.errors import RunFailed, UsageError
from minirnn.run_folder import CHECKPOINT, read_metrics, to_be_written
from minirnn.runs import Run
from minirnn.sweeps.jobs import Job
from minirnn.sweeps.ledger import FAILED, FINISHED, Entry, Ledger, written
from minirnn.sweeps.numbers import watched
from minirnn.sweeps.origin import origin

NEEDED = "sweeps need dask.distributed: pip install 'minirnn[sweep]'"
PAUSE = 1.0                     # seconds between reports, and between looks at whether to stop
STOP = "stop"                   # a file of this name in the sweep's folder asks its workers to save and stop
STARTS = "starts.log"           # in a run's folder: a line for each time that a worker began with it, and at what step
STOPPED = "stopped"
Report = Callable[[dict[str, Any]], None]


def execute(folder: Path, job: Job, report: Report, retry: bool = False) -> Entry:
    """Train and test a run of the sweep in `folder`; returns its entry, or {"status": STOPPED} when asked to stop.

    report   is called now and then with {"id", "step", "steps", "loss", "left"}
    retry    a run that has failed is gone on with
    raises   RunFailed if the ledger cannot be written, so that nothing could be recorded
    """
    ledger = Ledger(folder)
    with written(folder), locks.held(ledger.lock(job.id)):
        ledger.tidy(job.id)
        entry = ledger.read(job.id)
        if entry and (entry["status"] == FINISHED or not retry):
            return entry
        place = locate(folder, job)
        try:
            entry = _trained_and_tested(folder, place, job, report)
        except (UsageError, RunFailed) as error:
            entry = _failed(place, str(error))
        except MemoryError:
            entry = _failed(place, "memory ran out; try fewer workers, or a smaller network or batch")
        except Exception as error:                                  # one run must not stop the others: told in the end
            entry = _failed(place, f"{type(error).__name__}: {error}") | {"traceback": traceback.format_exc()}
        if entry["status"] != STOPPED:
            ledger.write(job.id, entry)
        return entry


def locate(folder: Path, job: Job) -> Path:
    """The folder of a run: the one that begins with its hash, whatever else it is called, else a new one."""
    runs = folder / "runs"
    return next(iter(sorted(runs.glob(f"{job.id}*"))), runs / job.name)


def _trained_and_tested(folder: Path, place: Path, job: Job, report: Report) -> Entry:
    with threadpool_limits(int(job.tables["run"]["threads"])):
        run = _begun(place, job)
        trainer = run.trainer
        with to_be_written(place), open(place / STARTS, "a", encoding="utf-8") as file:
            file.write(f"step {trainer.step} on {platform.node()}, process {os.getpid()}\n")
        began, first, said = time.monotonic(), trainer.step, -PAUSE
        loss: float | None = None
        if not _complete(run):
            for event in run.train():
                loss = next((r["loss"] for r in reversed(event.records) if "loss" in r), loss)
                now = time.monotonic()
                if now - said > PAUSE:
                    said, rate = now, (event.step - first) / max(now - began, 1e-9)
                    report({"id": job.id, "step": event.step, "steps": job.steps, "loss": loss,
                            "left": (job.steps - event.step) / rate})
                    if (folder / STOP).exists() and not trainer.finished and event.step < job.steps:
                        run.save()
                        return {"status": STOPPED}
        tests = run.test()
        run.log_tests(tests)
        return _finished(run, tests)


def _begun(place: Path, job: Job) -> Run:
    """The run, new or at its checkpoint."""
    machine = {"run": {key: job.tables["run"][key] for key in ("backend", "threads", "data_dir")}}
    if (place / CHECKPOINT).exists():
        run = Run.open(place, machine)
        if not _complete(run):
            return Run.resume(place, machine)
        run.keep(lambda record: record["split"] != "test")          # tested before, but not recorded
        return run
    with suppress(FileNotFoundError):
        shutil.rmtree(place)
    return Run.create(place, *config.resolve(job.tables))


def _complete(run: Run) -> bool:
    return bool(run.trainer.finished) or run.trainer.step >= run.trainer.config.train.steps


def _finished(run: Run, tests: dict[str, dict[str, float]]) -> Entry:
    trainer, goal = run.trainer, run.trainer.task.goal[0]
    records = read_metrics(run.folder)
    valid = [record for record in records if record["split"] == "valid"]
    names = list(tests["last"])
    best: dict[str, Any] = next((r for r in reversed(valid) if r["step"] == trainer.best_step), {})
    found = {
        "status": FINISHED, "folder": run.folder.name, "goal": goal, "steps": trainer.step,
        "ended_by": trainer.finished or "steps", "best_step": trainer.best_step, "parameters": trainer.model.size,
        "seconds": round(run.elapsed(), 1), "starts": _starts(run.folder), **origin(),
        "valid_last": {name: valid[-1][name] for name in names if valid and name in valid[-1]},
        "valid_best": {name: best[name] for name in names if name in best},
        "test_last": tests["last"], "test_best": tests.get("best", tests["last"]),
        "baseline": {name: float(x) for name, x in trainer.task.baseline().items()}, "watch": watched(records),
    }
    return found


def _failed(place: Path, error: str) -> Entry:
    return {"status": FAILED, "folder": place.name, "error": error, "starts": _starts(place), **origin()}


def _starts(place: Path) -> int:
    with suppress(FileNotFoundError):
        return len((place / STARTS).read_text(encoding="utf-8").splitlines())
    return 0
