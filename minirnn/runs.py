"""A run is a folder: config.toml, metrics.jsonl, checkpoint.npz and a figure, each whole at every moment."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minirnn import checkpoint, config
from minirnn.errors import UsageError
from minirnn.trainer import Event, Trainer, build

CONFIG, METRICS, CHECKPOINT, FIGURE = "config.toml", "metrics.jsonl", "checkpoint.npz", "curves.png"


class Run:
    """A trainer with the folder it writes to.

    The checkpoint is written at the start, at every validation, when interrupted, and at the end. Metrics are appended
    as they come; on resuming, those after the checkpoint are dropped, so that the file tells one story.
    """

    def __init__(self, folder: Path, trainer: Trainer, seconds: float = 0.0):
        self.folder, self.trainer = folder, trainer
        self.seconds, self._since = seconds, time.monotonic()

    @classmethod
    def create(cls, folder: Path, settings: config.Config, task: Any) -> Run:
        """A new run in a folder that does not exist yet, or is empty."""
        trainer = build(settings, task)
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise UsageError(f"{folder} exists already; continue it with --resume {folder}, or name another --dir")
            folder.mkdir(parents=True, exist_ok=True)
            checkpoint.replace(folder / CONFIG, lambda file: file.write(settings.to_toml().encode()))
            (folder / METRICS).touch()
        except OSError as error:
            raise UsageError(f"cannot write the run to {folder} ({error.strerror}); name another --dir") from None
        run = cls(folder, trainer)
        run.save()
        return run

    @classmethod
    def resume(cls, folder: Path, changes: config.Tables) -> Run:
        """The run of a folder, at its checkpoint. `changes` may set train.steps and the [run] table's machine keys."""
        if not (folder / CONFIG).is_file():
            raise UsageError(f"{folder} is not the folder of a run: it has no {CONFIG}")
        settings, task = config.resolve(config.load(folder / CONFIG), changes)
        trainer = build(settings, task)
        path = folder / CHECKPOINT
        arrays, about = checkpoint.load(path)
        parts: dict[str, dict[str, Any]] = {"param": {}, "buffer": {}, "rule": {}, "state": {}}
        for name, x in arrays.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = x
        checkpoint.restore(trainer.model.params, parts["param"], path)
        checkpoint.restore(trainer.model.buffers, parts["buffer"], path)
        some = next(iter(trainer.model.params.values()))
        trainer.optimizer.load_state_dict({k: np.asarray(x, like=some) for k, x in parts["rule"].items()})
        trainer.carried = _carried(parts["state"], some)
        trainer.step, trainer.best, trainer.waited = about["step"], about["best"], about["waited"]
        why = about["finished"]
        if why not in ("", "steps") and why not in changes.get("train", {}):
            raise UsageError(f"{folder} ended at step {trainer.step} by train.{why}; to go on, --set train.{why} anew")
        if trainer.step >= settings.train.steps:
            raise UsageError(f"{folder} is complete at step {trainer.step}; to go on, give --steps above that")
        checkpoint.replace(folder / CONFIG, lambda file: file.write(settings.to_toml().encode()))
        kept = [line for line in read_metrics(folder) if line["step"] <= trainer.step]
        checkpoint.replace(folder / METRICS, lambda file: file.write("".join(map(_line, kept)).encode()))
        return cls(folder, trainer, about["seconds"])

    def train(self) -> Iterator[Event]:
        """`trainer.train()`, with every record written to the metrics and a checkpoint after every validation."""
        self._since = time.monotonic()
        for event in self.trainer.train():
            for record in event.records:
                self.log(record)
            if any(record["split"] == "valid" for record in event.records):
                self.save()
            yield event
        self.save()

    def log(self, record: dict[str, Any]) -> None:
        """Append one line to the metrics."""
        with open(self.folder / METRICS, "a", encoding="utf-8") as file:
            file.write(_line({**record, "seconds": round(self.elapsed(), 3)}))

    def save(self) -> None:
        """Write the checkpoint, unless a parameter is no longer finite."""
        self.trainer.require_finite_parameters()
        about = {**self.trainer.progress(), "seconds": self.elapsed()}
        checkpoint.save(self.folder / CHECKPOINT, self.trainer.arrays(), about)

    def elapsed(self) -> float:
        """Seconds of training, over all sessions of the run."""
        now = time.monotonic()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds


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
