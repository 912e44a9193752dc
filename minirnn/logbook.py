"""What a run writes down about its training: the loss Σ/Σ since the last line, the speed, and the same per epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn import backend

Array = Any


class Logbook:
    """Collects updates and turns them into records. Lines add up to epochs: the end of an epoch ends a line, too.

    per_epoch   updates in one pass over the training set; 0 for a generator, which has no passes
    unit        what the speed counts: "tokens" or "sequences"
    """

    def __init__(self, per_epoch: float, unit: str):
        self.per_epoch, self.unit = per_epoch, unit
        self.total: Array = 0.0                                     # of the loss since the last line, in double
        self.count: Array = 0.0                                     # what it is divided by
        self.units, self.seconds = 0, 0.0                           # since the last line
        self.passed = {"total": 0.0, "count": 0.0, "seconds": 0.0}  # of the current epoch, up to the last line

    def add(self, total: Array, count: Array, units: int, seconds: float) -> None:
        """After an update: the sum of its loss and the count, 0-d arrays that stay where they are."""
        self.total, self.count = self.total + _double(total), self.count + _double(count)
        self.units, self.seconds = self.units + units, self.seconds + seconds

    def ends_epoch(self, step: int) -> bool:
        """Whether the update that made it `step` was the last of a pass."""
        return bool(self.per_epoch) and step // self.per_epoch > (step - 1) // self.per_epoch

    def line(self, step: int, lr: float, **others: Array) -> dict[str, Any]:
        """The record of the updates since the last line; without a loss where none of them was asked anything.

        `others` are 0-d arrays that belong into it. All come to the host in one copy.
        """
        total, count, *values = backend.numbers([self.total, self.count, *others.values()])
        record = {"split": "train", "step": step, **self.stamp(step), "lr": lr}
        if count:
            record["loss"] = total / count
        record |= dict(zip(others, values, strict=True))
        if self.seconds > 0:
            record[f"{self.unit}_per_second"] = round(self.units / self.seconds, 1)
        self.passed = self._with(total, count)
        self.total, self.count, self.units, self.seconds = 0.0, 0.0, 0, 0.0
        return record

    def epoch(self, step: int) -> dict[str, Any]:
        """The record of the pass that has just ended, after its last line; a new pass begins."""
        passed, self.passed = self.passed, {"total": 0.0, "count": 0.0, "seconds": 0.0}
        record = {"split": "epoch", "step": step, **self.stamp(step)}
        if passed["count"]:
            record["loss"] = passed["total"] / passed["count"]
        return record | {"epoch_seconds": round(passed["seconds"], 3)}

    def stamp(self, step: int) -> dict[str, float]:
        """{"epoch": passes so far}, where there are passes."""
        return {"epoch": round(step / self.per_epoch, 4)} if self.per_epoch else {}

    def state_dict(self) -> dict[str, Any]:
        """The sums of the running epoch up to the last line, and since then, for a checkpoint's JSON."""
        total, count = backend.numbers([self.total, self.count])
        line = {"total": total, "count": count, "units": self.units, "seconds": self.seconds}
        return {**self.passed, "line": line}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Undoes `state_dict`; checkpoints of before there was a "line" begin one."""
        self.passed = {name: state[name] for name in ("total", "count", "seconds")}
        for name, x in state.get("line", {}).items():
            setattr(self, name, x)

    def _with(self, total: float, count: float) -> dict[str, float]:
        now = {"total": total, "count": count, "seconds": self.seconds}
        return {name: self.passed[name] + x for name, x in now.items()}


def _double(x: Array) -> Array:
    return x.astype(np.float64) if backend.is_device(x) else float(x)
