"""Schedules of the learning rate: one factor for every group, so that their ratios stay as they are.

The rate of an update is that of its group times `factor(step)`, step = 0, 1, ... the updates made before. All but
`Plateau` are functions of the step alone, so a resumed run needs no memory of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from minirnn.errors import UsageError


class Schedule(ABC):
    """factor(step) in [0, 1] for the update that follows `step` others.

    watches    "", or what `observe` is to be told at each validation: "goal" or "loss"
    """

    summary: ClassVar[str]
    watches: str = ""

    @abstractmethod
    def factor(self, step: int) -> float:
        """What the learning rate of every group is multiplied by."""

    def observe(self, value: float) -> None:  # noqa: B027  (most have nothing to note)
        """Take note of a validation; `value` is to fall."""

    def state_dict(self) -> dict[str, Any]:
        """All that the next factor depends on, besides the step: numbers, for a checkpoint's JSON."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


class Constant(Schedule):
    """factor = 1."""

    summary = "the learning rate as given, throughout"

    def factor(self, step):
        return 1.0


class Step(Schedule):
    """factor = decay^⌊(step − first)/every⌋, 1 before `first`: the rate falls at once, at regular distances.

    every    updates between two falls
    decay    what the rate is multiplied by at each
    first    updates before the count begins
    """

    summary = "multiplied by `decay` after every so many updates"

    def __init__(self, every: int = 0, decay: float = 0.5, first: int = 0):
        self.every, self.decay, self.first = _positive("every", every), _share("decay", decay), _count("first", first)

    def factor(self, step):
        return self.decay ** (max(step - self.first, 0) // self.every)


class Linear(Schedule):
    """factor = 1 − (1 − final) · step/steps, and `final` from there on.

    steps    updates over which the rate falls; left out, those of the run
    final    the share of the rate that is left at the end
    """

    summary = "falls in a straight line to `final` of the rate"

    def __init__(self, steps: int, final: float = 0.0):
        self.steps, self.final = _positive("steps", steps), _share("final", final)

    def factor(self, step):
        return 1 - (1 - self.final) * min(step / self.steps, 1)


class Cosine(Schedule):
    """factor = final + (1 − final) (1 + cos(π step/steps))/2, and `final` from there on.  [loshchilov2017, eq. 5]

    steps    updates over which the rate falls; left out, those of the run
    final    the share of the rate that is left at the end
    """

    summary = "falls along half a cosine to `final` of the rate"

    def __init__(self, steps: int, final: float = 0.0):
        self.steps, self.final = _positive("steps", steps), _share("final", final)

    def factor(self, step):
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * min(step / self.steps, 1))) / 2


class Plateau(Schedule):
    """factor ← max(factor · decay, final) after `patience` validations in a row without a new best.

    watch      "goal", the task's goal metric, or "loss"
    patience   validations without a new best that are borne
    decay      what the rate is multiplied by
    final      the share of the rate below which it never falls
    """

    summary = "multiplied by `decay` when the validations stop getting better"

    def __init__(self, watch: str = "loss", patience: int = 1, decay: float = 0.5, final: float = 0.0):
        if watch not in ("goal", "loss"):
            raise UsageError(f"watch of the plateau schedule must be goal or loss (got {watch!r}); set watch to one")
        self.watches = watch
        self.patience = _positive("patience", patience)
        self.decay, self.final = _share("decay", decay), _share("final", final)
        self.now, self.best, self.waited = 1.0, math.inf, 0

    def factor(self, step):
        return self.now

    def observe(self, value):
        if value < self.best:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.now, self.waited = max(self.now * self.decay, self.final), 0

    def state_dict(self):
        best = None if math.isinf(self.best) else self.best         # JSON has no infinity
        return {"now": self.now, "best": best, "waited": self.waited}

    def load_state_dict(self, state):
        self.now, self.waited = state["now"], state["waited"]
        self.best = math.inf if state["best"] is None else state["best"]


def _positive(name: str, value: int) -> int:
    if not value >= 1:
        raise UsageError(f"optimizer.schedule_options.{name} must be at least 1 (got {value}); it counts, so set it")
    return value


def _share(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise UsageError(f"optimizer.schedule_options.{name} must lie in [0, 1] (got {value}); set it within")
    return value


def _count(name: str, value: int) -> int:
    if not value >= 0:
        raise UsageError(f"optimizer.schedule_options.{name} must be zero or positive (got {value}); it counts updates")
    return value
