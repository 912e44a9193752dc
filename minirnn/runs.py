"""A run is a folder: config.toml, metrics.jsonl, checkpoint.npz and a figure, each whole at every moment."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minirnn import backend, catalog, checkpoint, config, progress, run_folder, toml
from minirnn.errors import RunFailed, UsageError
from minirnn.run_folder import BEST, CHECKPOINT, CONFIG, METRICS, read_metrics
from minirnn.trained import restore
from minirnn.trainer import Event, Trainer, build


class Run:
    """A trainer with the folder it writes to, and holds the lock of: no other process trains there.

    The checkpoint is written at the start, at every validation, when interrupted, and at the end. Metrics are appended
    as they come; on resuming, those after the checkpoint are dropped, so that the file tells one story. The parameters
    of the best validation so far are kept beside the checkpoint, in best.npz. Where the folder can no longer be
    written, the run ends with RunFailed, and what was saved is good.
    """

    def __init__(self, folder: Path, trainer: Trainer, lock: Any, seconds: float = 0.0):
        self.folder, self.trainer, self._lock = folder, trainer, lock
        self.saved: int | None = None                               # the step of the checkpoint
        self.seconds, self._since = seconds, time.monotonic()

    @classmethod
    def create(cls, folder: Path, settings: config.Config, task: Any, aside: bool = False) -> Run:
        """A new run in a folder that is not there, or holds nothing; `aside`: or else in FOLDER-2, FOLDER-3, ..."""
        place = run_folder.new if aside else run_folder.unused
        return cls._begin(folder, settings, task, place, run_folder.unused)

    @classmethod
    def _begin(
        cls, folder: Path, settings: config.Config, task: Any, place: Callable[[Path], Path],
        check: Callable[[Path], Path],
    ) -> Run:
        """A run at its start, in the folder that `place` gives; under its lock, `check` looks again."""
        trainer = build(settings, task)
        start = trainer.watched()                                   # refuses what has no meaning for this network
        with run_folder.to_be_written(folder):
            folder = place(folder)
            folder.mkdir(parents=True, exist_ok=True)
            run = cls(folder, trainer, run_folder.locked(folder))
            check(folder)                                           # another process may have begun one meanwhile
            checkpoint.replace(folder / METRICS, lambda file: file.write(b""))
            run._write_config()                                     # from here on there is a run, to go on with
        for record in start:
            run.log(record)
        run.save()
        return run

    @classmethod
    def open(cls, folder: Path, changes: toml.Tables) -> Run:
        """The run of a folder, at its checkpoint, ended or not; nothing is written but the lock."""
        tables = run_folder.tables(folder)
        with run_folder.to_be_written(folder):
            lock = run_folder.locked(folder)
        settings, task = config.resolve(_scheduled_as_planned(tables), changes)
        trainer = build(settings, task)
        parts, about = restore(trainer, folder / CHECKPOINT)
        some = next(iter(trainer.model.params.values()))
        trainer.optimizer.load_state_dict({             # the counts of steps, "/t", are numbers and stay on the host
            k: x if k.endswith("/t") else np.asarray(x, like=some) for k, x in parts["rule"].items()
        })
        trainer.carried = progress.carried(
            parts["state"], trainer.model, settings.train.batch_size, folder / CHECKPOINT
        )
        trainer.load_progress(about)
        trainer.finished = about["finished"]
        if trainer.best_step is not None:
            checkpoint.load(folder / BEST)                          # rather now than after the training
        run = cls(folder, trainer, lock, about["seconds"])
        run.saved = trainer.step
        return run

    @classmethod
    def resume(cls, folder: Path, changes: toml.Tables) -> Run:
        """The run of a folder, to go on with. `changes` may set train.steps and the [run] table's machine keys.

        One that was cut short before its first checkpoint begins again; one that was cut short between its last
        checkpoint and its test is only tested.
        """
        if run_folder.not_begun(folder):
            settings, task = config.resolve(run_folder.tables(folder), changes)
            return cls._begin(folder, settings, task, run_folder.cut_short, run_folder.cut_short)
        run = cls.open(folder, changes)
        trainer, settings = run.trainer, run.trainer.config
        why, steps = trainer.finished, settings.train.steps
        stopped = why not in ("", "steps") and why not in changes.get("train", {})
        to_test = (stopped or trainer.step == steps) and not run.tested()
        if stopped and not to_test:
            raise UsageError(f"{folder} ended at step {trainer.step} by train.{why}; to go on, --set train.{why} anew")
        if trainer.step >= steps and not to_test:
            raise UsageError(f"{folder} is complete at step {trainer.step}; to go on, give --steps above that")
        trainer.finished = why if to_test else ""
        if "watch" in changes.get("train", {}):
            trainer.watched()                                       # refuses what has no meaning for this network
        with run_folder.to_be_written(folder):
            run._write_config()
            run.keep(lambda record: record["step"] <= trainer.step and not (to_test and record["split"] == "test"))
        return run

    def train(self) -> Iterator[Event]:
        """`trainer.train()`, with every record written to the metrics and a checkpoint after every validation."""
        self._since = time.monotonic()
        events = self.trainer.train()
        while (event := self._next(events)) is not None:
            yield event

    def _next(self, events: Iterator[Event]) -> Event | None:
        """The next update, written down; None, and the last checkpoint, after the last one.

        raises RunFailed where the device fails, with the step that the checkpoint holds
        """
        try:
            event = next(events, None)
            for record in event.records if event else ():
                self.log(record)
            if event is None:
                self.save()
            elif any(record["split"] == "valid" for record in event.records):
                self.save(best=self.trainer.best_step == event.step)
            return event
        except Exception as error:
            if said := backend.fault(error):
                raise RunFailed(f"after step {self.trainer.step}, {said}; {self._kept()}") from error
            raise

    def log(self, *records: dict[str, Any]) -> None:
        """Append lines to the metrics."""
        text = "".join(_line({**record, "seconds": round(self.elapsed(), 3)}) for record in records)
        with self._writing(), open(self.folder / METRICS, "a", encoding="utf-8") as file:
            file.write(text)

    def keep(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Drop the other records from the metrics."""
        kept = [line for line in read_metrics(self.folder) if wanted(line)]
        checkpoint.replace(self.folder / METRICS, lambda file: file.write("".join(map(_line, kept)).encode()))

    def save(self, best: bool = False) -> None:
        """Write the checkpoint, and the best one if this is it, unless a parameter is no longer finite."""
        self.trainer.require_finite_parameters()
        about = {**self.trainer.progress(), "seconds": self.elapsed()}
        arrays = self.trainer.arrays()
        if best:                                                    # first: a checkpoint that speaks of it finds it
            kept = {name: x for name, x in arrays.items() if name.startswith(("param/", "buffer/"))}
            with self._writing():
                checkpoint.save(self.folder / BEST, kept, about)
        with self._writing():
            checkpoint.save(self.folder / CHECKPOINT, arrays, about)
        self.saved = self.trainer.step

    def test(self) -> dict[str, dict[str, float]]:
        """The test split: {"last": with the parameters as they are, "best": with those of the best validation}.

        "best" is missing where no validation has been judged. The parameters are left as they were.
        """
        trainer, found = self.trainer, {"last": self.trainer.evaluate("test")}
        if trainer.best_step == trainer.step:
            return {**found, "best": found["last"]}
        if trainer.best_step is not None:
            arrays = {**trainer.model.params, **trainer.model.buffers}
            kept = {name: x.copy() for name, x in arrays.items()}
            _, about = restore(trainer, self.folder / BEST)
            if about["step"] == trainer.best_step:                  # else from a later life of this run, cut short
                found["best"] = trainer.evaluate("test")
            for name, x in arrays.items():
                x[...] = kept[name]
        return found

    def log_tests(self, tests: dict[str, dict[str, float]]) -> None:
        """Append what `test` found, once where the last parameters are the best."""
        stamp = {"split": "test", "step": self.trainer.step}
        self.log(*(
            {**stamp, "parameters": which, **found} for which, found in tests.items()
            if which == "best" or found is not tests.get("best")
        ))

    def tested(self) -> bool:
        """Whether the metrics hold all of `test` for the step that the run is at."""
        records = read_metrics(self.folder)
        found = {r.get("parameters") for r in records if (r["split"], r["step"]) == ("test", self.trainer.step)}
        return "best" in found or (bool(found) and self.trainer.best_step is None)

    def elapsed(self) -> float:
        """Seconds of training, over all sessions of the run."""
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds

    def _write_config(self) -> None:
        text = self.trainer.config.to_toml()
        checkpoint.replace(self.folder / CONFIG, lambda file: file.write(text.encode()))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """raises RunFailed where what is within cannot write: no room, no right, no disk"""
        try:
            yield
        except OSError as error:
            at = f"at step {self.trainer.step}, {self.folder} could not be written ({error.strerror})"
            raise RunFailed(f"{at}; {self._kept()}") from error

    def _kept(self) -> str:
        again = f"minirnn run --resume {self.folder}"
        if self.saved is None:
            return f"nothing is saved yet, so this begins again: {again}"
        return f"the checkpoint of step {self.saved} is good: {again}"


def _scheduled_as_planned(tables: toml.Tables) -> toml.Tables:
    """The same tables, a schedule over the run's steps fixed to those: more steps prolong the run, not the schedule."""
    config.check(tables)
    options = config.section("optimizer", tables.get("optimizer", {}))
    Kind, given = catalog.find("schedules", options.schedule), options.schedule_options
    if "steps" not in inspect.signature(Kind).parameters or given.get("steps"):
        return tables
    steps = config.section("train", tables.get("train", {})).steps
    return toml.merge(tables, {"optimizer": {"schedule_options": {"steps": steps}}})


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record) + "\n"
