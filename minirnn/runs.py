"""A run is a folder: config.toml, metrics.jsonl, checkpoint.npz and a figure, each whole at every moment."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minirnn import backend, catalog, checkpoint, config
from minirnn.errors import RunFailed, UsageError
from minirnn.trainer import Event, Trainer, build

CONFIG, METRICS, CHECKPOINT, FIGURE = "config.toml", "metrics.jsonl", "checkpoint.npz", "curves.png"
BEST = "best.npz"


class Run:
    """A trainer with the folder it writes to.

    The checkpoint is written at the start, at every validation, when interrupted, and at the end. Metrics are appended
    as they come; on resuming, those after the checkpoint are dropped, so that the file tells one story. The parameters
    of the best validation so far are kept beside the checkpoint, in best.npz.
    """

    def __init__(self, folder: Path, trainer: Trainer, seconds: float = 0.0):
        self.folder, self.trainer, self.saved = folder, trainer, trainer.step
        self.seconds, self._since = seconds, time.monotonic()

    @classmethod
    def create(cls, folder: Path, settings: config.Config, task: Any) -> Run:
        """A new run in a folder that does not exist yet, or is empty."""
        trainer = build(settings, task)
        start = trainer.watched()                                   # refuses what has no meaning for this network
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UsageError(f"{folder} exists already; continue it with --resume {folder}, or name another --dir")
            folder.mkdir(parents=True, exist_ok=True)
            checkpoint.replace(folder / CONFIG, lambda file: file.write(settings.to_toml().encode()))
            (folder / METRICS).touch()
        except OSError as error:
            raise UsageError(f"cannot write the run to {folder} ({error.strerror}); name another --dir") from None
        run = cls(folder, trainer)
        for record in start:
            run.log(record)
        run.save()
        return run

    @classmethod
    def open(cls, folder: Path, changes: config.Tables) -> Run:
        """The run of a folder, at its checkpoint, ended or not; nothing is written."""
        settings, task = config.resolve(_scheduled_as_planned(_tables(folder)), changes)
        trainer = build(settings, task)
        parts, about = _restore(trainer, folder / CHECKPOINT)
        some = next(iter(trainer.model.params.values()))
        trainer.optimizer.load_state_dict({             # the counts of steps, "/t", are numbers and stay on the host
            k: x if k.endswith("/t") else np.asarray(x, like=some) for k, x in parts["rule"].items()
        })
        trainer.carried = _carried(parts["state"], some)
        trainer.load_progress(about)
        trainer.finished = about["finished"]
        if trainer.best_step is not None:
            checkpoint.load(folder / BEST)                          # rather now than after the training
        return cls(folder, trainer, about["seconds"])

    @classmethod
    def resume(cls, folder: Path, changes: config.Tables) -> Run:
        """The run of a folder, to go on with. `changes` may set train.steps and the [run] table's machine keys."""
        run = cls.open(folder, changes)
        trainer, settings = run.trainer, run.trainer.config
        why, trainer.finished = trainer.finished, ""
        if why not in ("", "steps") and why not in changes.get("train", {}):
            raise UsageError(f"{folder} ended at step {trainer.step} by train.{why}; to go on, --set train.{why} anew")
        if trainer.step >= settings.train.steps:
            raise UsageError(f"{folder} is complete at step {trainer.step}; to go on, give --steps above that")
        if "watch" in changes.get("train", {}):
            trainer.watched()                                       # refuses what has no meaning for this network
        checkpoint.replace(folder / CONFIG, lambda file: file.write(settings.to_toml().encode()))
        run.keep(lambda record: record["step"] <= trainer.step)
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
                kept = f"the checkpoint of step {self.saved} is good: minirnn run --resume {self.folder}"
                raise RunFailed(f"after step {self.trainer.step}, {said}; {kept}") from error
            raise

    def log(self, record: dict[str, Any]) -> None:
        """Append one line to the metrics."""
        with open(self.folder / METRICS, "a", encoding="utf-8") as file:
            file.write(_line({**record, "seconds": round(self.elapsed(), 3)}))

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
            checkpoint.save(self.folder / BEST, kept, about)
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
            _, about = _restore(trainer, self.folder / BEST)
            if about["step"] == trainer.best_step:                  # else from a later life of this run, cut short
                found["best"] = trainer.evaluate("test")
            for name, x in arrays.items():
                x[...] = kept[name]
        return found

    def log_tests(self, tests: dict[str, dict[str, float]]) -> None:
        """Append what `test` found, once where the last parameters are the best."""
        for which, found in tests.items():
            if which == "best" or found is not tests.get("best"):
                self.log({"split": "test", "step": self.trainer.step, "parameters": which, **found})

    def elapsed(self) -> float:
        """Seconds of training, over all sessions of the run."""
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds


def load_model(folder: Path, which: str = "", changes: config.Tables | None = None) -> tuple[Trainer, dict[str, Any]]:
    """(trainer with the parameters of a saved run, description of the checkpoint): to evaluate, or to generate from.

    which     "best", "latest", or "": the best if there is one
    changes   may set the machine keys of the [run] table
    """
    tables = _tables(folder)
    which = which or ("best" if (folder / BEST).is_file() else "latest")
    if which == "best" and not (folder / BEST).is_file():
        raise UsageError(
            f"{folder} has no {BEST}: no step of it was a multiple of train.evaluate_every; take the latest checkpoint"
        )
    changes = config.merge({"run": {"kernel": "auto"}}, changes or {})      # what it was trained with binds no reader
    settings, task = config.resolve(tables, changes)
    trainer = build(settings, task)
    _, about = _restore(trainer, folder / (BEST if which == "best" else CHECKPOINT))
    trainer.step = about["step"]
    return trainer, {**about, "checkpoint": which}


def _tables(folder: Path) -> config.Tables:
    if not (folder / CONFIG).is_file():
        raise UsageError(f"{folder} is not the folder of a run: it has no {CONFIG}")
    return config.load(folder / CONFIG)


def _scheduled_as_planned(tables: config.Tables) -> config.Tables:
    """The same tables, a schedule over the run's steps fixed to those: more steps prolong the run, not the schedule."""
    options = tables.get("optimizer", {})
    Kind = catalog.find("schedules", options.get("schedule", "constant"))
    given = options.get("schedule_options", {})
    if "steps" not in inspect.signature(Kind).parameters or given.get("steps"):
        return tables
    return config.merge(tables, {"optimizer": {"schedule_options": {"steps": tables["train"]["steps"]}}})


def _restore(trainer: Trainer, path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Put a checkpoint's parameters and buffers in place; returns all its arrays, by part, and its description."""
    arrays, about = checkpoint.load(path)
    require_same_vocabulary(trainer.task, about, path.parent)
    parts: dict[str, dict[str, Any]] = {"param": {}, "buffer": {}, "rule": {}, "state": {}}
    for name, x in arrays.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = x
    checkpoint.restore(trainer.model.params, parts["param"], path)
    checkpoint.restore(trainer.model.buffers, parts["buffer"], path)
    return parts, about


def require_same_vocabulary(task: Any, about: dict[str, Any], folder: Path) -> None:
    """raises UsageError if the text at hand numbers its symbols in another way than the text of the saved run."""
    saved, here = about.get("vocabulary"), task.vocabulary and task.vocabulary.digest
    if saved != here:
        raise UsageError(
            f"{folder} was trained with another vocabulary ({(saved or 'none')[:12]} there, {(here or 'none')[:12]} "
            "here), so its numbers would stand for other symbols; name the folder of its own text with --data-dir"
        )


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The records of a run. An incomplete last line, from a process that was killed, is left out."""
    records = []
    for line in (folder / METRICS).read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return records


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record) + "\n"


def _carried(found: dict[str, Any], like: Any) -> Any:
    if not found:
        return None
    depth = 1 + max(int(name.split("/")[0]) for name in found)
    layers: list[list[Any]] = [[] for _ in range(depth)]
    for name in sorted(found, key=lambda name: tuple(map(int, name.split("/")))):
        layers[int(name.split("/")[0])].append(np.asarray(found[name], like=like))
    return tuple(tuple(layer) for layer in layers)
