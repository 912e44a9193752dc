"""A run's folder as pictures and reports read it: whatever can be read is, and what is missing is said."""

from __future__ import annotations

import json
import math
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from minirnn import checkpoint, config, presets, toml
from minirnn.diagnostics.base import Diagnostic, ask
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.run_folder import BEST, CHECKPOINT, CONFIG, METRICS, read_metrics
from minirnn.trained import load_model
from minirnn.trainer import Trainer

Records = list[dict[str, Any]]
LARGEST = sys.float_info.max


class SavedRun:
    """The folder of a run that may be finished, unfinished, interrupted, empty or damaged.

    tables    the configuration as saved, {} where it cannot be read
    records   the lines of the metrics that make sense
    missing   what could not be read, one sentence each; it grows as more is asked for
    task      of the run, where it is at hand already: its data are then not read again
    data_dir  folder of the data sets, if not that of the configuration
    raises    UsageError if the folder is not that of a run at all: it has neither a configuration nor metrics
    """

    def __init__(self, folder: Path, task: Any = None, data_dir: str = ""):
        self.folder, self.name = folder, folder.name or folder.resolve().name
        self.missing: list[str] = []
        self._known, self._machine = task, {"run": {"data_dir": data_dir} if data_dir else {}}
        self._measured: dict[str, dict[str, Any]] = {}
        if not folder.is_dir():
            raise UsageError(f"there is no folder {folder}; name the folder of a run, as `minirnn run --dir` wrote it")
        if not (folder / CONFIG).exists() and not (folder / METRICS).exists():
            raise UsageError(f"{folder} is not the folder of a run: it has neither {CONFIG} nor {METRICS}")
        self.tables = self._tables()
        self.records = self._records()

    # -- the metrics --------------------------------------------------------------------------------------------------

    def of(self, split: str) -> Records:
        """The records of "train", "valid", "test", "epoch" or "watch"."""
        return [record for record in self.records if record["split"] == split]

    def watched(self, diagnostic: str, layer: str) -> Records:
        """What `--watch` wrote of a diagnostic of a layer, one record per update, in their order."""
        found = [r for r in self.of("watch") if r.get("diagnostic") == diagnostic and r.get("layer") == layer]
        latest = sorted({record["step"]: record for record in found}.values(), key=lambda record: record["step"])
        gaps = [f"{diagnostic} at step {r['step']}: {r['missing']}" for r in latest if "missing" in r]
        self.missing += [gap for gap in gaps if gap not in self.missing]
        return [record for record in latest if "missing" not in record]

    def checked(self, records: Records, **kinds: str) -> Records:
        """The same records, each with what it should have under these names: see `_is`, all lists of one length.

        raises UsageError with the first that another hand has made something else of
        """
        for record in records:
            wrong = [name for name, kind in kinds.items() if not _is(kind, record.get(name))]
            lists = [name for name, kind in kinds.items() if kind != "number"]
            if not wrong and len({len(record[name]) for name in lists}) > 1:
                wrong = lists
            if wrong:
                raise UsageError(
                    f"{self.folder / METRICS} is damaged: {record['diagnostic']} at step {record['step']} has not the "
                    f"numbers it should have as {', '.join(wrong)}; remove that line, or train again"
                )
        return records

    @property
    def step(self) -> int:
        """The last update that the metrics know of."""
        return max((record["step"] for record in self.records), default=0)

    @property
    def seconds(self) -> float | None:
        """Seconds of training, over all sessions of the run."""
        return max((r["seconds"] for r in self.records if isinstance(r.get("seconds"), int | float)), default=None)

    # -- the configuration --------------------------------------------------------------------------------------------

    def get(self, table: str, key: str, default: Any = "") -> Any:
        """A value of the saved configuration."""
        found = self.tables.get(table, {})
        return found.get(key, default) if isinstance(found, dict) else default

    @property
    def title(self) -> str:
        """What was trained on what: "recall, urnn-exp, seed 0"."""
        parts = [str(self.get("task", "name", "unknown task")), str(self.get("model", "name", "unknown model"))]
        return ", ".join([*parts, f"seed {self.get('run', 'seed', 0)}"])

    @property
    def published(self) -> dict[str, float]:
        return presets.published(str(self.get("run", "preset")))

    @cached_property
    def task(self) -> Any:
        """The task, or None where its configuration or its data are not at hand."""
        if self._known is not None or not self.tables:
            return self._known
        try:
            return config.resolve(self.tables, self._machine)[1]
        except UsageError as error:
            self.missing.append(f"the baseline: {error}")
            return None

    @property
    def baseline(self) -> dict[str, float]:
        return {} if self.task is None else self.task.baseline()

    @property
    def goal(self) -> str:
        """The metric that the run is judged by."""
        if self.task is not None:
            return self.task.goal[0]
        seen = {key for record in self.of("valid") for key in record}
        return next((name for name in ("accuracy", "bpc", "perplexity", "mse") if name in seen), "loss")

    # -- the checkpoint -----------------------------------------------------------------------------------------------

    @cached_property
    def about(self) -> dict[str, Any]:
        """The description of the latest checkpoint, {} where there is none."""
        try:
            return checkpoint.load(self.folder / CHECKPOINT)[1]
        except UsageError as error:
            self.missing.append(f"the checkpoint: {error}")
            return {}

    @cached_property
    def trainer(self) -> Trainer:
        """The trained model, of the best validation if there was one.  raises UsageError if it cannot be had."""
        if not any((self.folder / name).exists() for name in (CHECKPOINT, BEST)):
            raise UsageError(f"{self.folder} has no {CHECKPOINT}; train it again, or name another run")
        return load_model(self.folder, "", toml.merge(self._machine, {"run": {"backend": "numpy"}}))[0]

    def subject(self, layer: str, examples: int) -> Subject:
        """A layer of the trained model, on the first sequences of the validation split."""
        trainer = self.trainer
        names = [f"rnn.{k}" for k in range(len(trainer.model.layers))]
        if layer not in names:
            raise UsageError(f"{self.folder} has no layer {layer!r}; choose one of: {', '.join(names)}")
        return trainer.subject(names.index(layer), "valid", examples)

    def measure(self, diagnostic: Diagnostic, layer: str, examples: int = 1) -> dict[str, Any]:
        """What a diagnostic says about the trained model, measured once.  raises UsageError if it cannot be asked"""
        key = f"{type(diagnostic).__name__} {vars(diagnostic)} {layer} {examples}"
        if key not in self._measured:
            self._measured[key] = ask(diagnostic, self.subject(layer, examples))
        return self._measured[key]

    # -- reading ------------------------------------------------------------------------------------------------------

    def _tables(self) -> toml.Tables:
        try:
            tables = toml.load(self.folder / CONFIG)
        except UsageError as error:
            self.missing.append(f"the configuration: {error}")
            return {}
        return {name: table for name, table in tables.items() if isinstance(table, dict)}

    def _records(self) -> Records:
        try:
            found = read_metrics(self.folder)
        except (OSError, UnicodeDecodeError) as error:
            self.missing.append(f"the metrics: cannot read {self.folder / METRICS} ({error})")
            return []
        good = [r for r in found if isinstance(r, dict) and isinstance(r.get("split"), str)]
        good = [r for r in good if isinstance(r.get("step"), int)]
        if not good:
            self.missing.append(f"the metrics: {self.folder / METRICS} has no record yet")
        return good


def series(records: Records, key: str) -> tuple[list[int], list[float]]:
    """(updates, values) of the records that hold a number under that key; a loss that is not finite is left out."""
    kept = [r for r in records if isinstance(r.get(key), int | float) and math.isfinite(r[key])]
    return [r["step"] for r in kept], [r[key] for r in kept]


def _is(kind: str, found: Any) -> bool:
    """Whether it is a "number", "numbers", "norms", which are null where they exploded, or "pairs" of numbers."""
    if kind == "number":
        return isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= LARGEST
    if not isinstance(found, list) or not found:
        return False
    if kind == "pairs":
        return all(_is("numbers", x) and len(x) == 2 for x in found)
    return all(_is("number", x) or (x is None and kind == "norms") for x in found)


def as_json(value: Any) -> str:
    """A value of the configuration as a reader sees it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
