"""Rules that decide: a number per seed, its mean with an interval of confidence, and on which side of a bar that lies.

    x̄ ± t s/√n        95 %, s² = Σ (x − x̄)²/(n − 1), t of n − 1 degrees of freedom, over the n seeds

A rule is met if the whole interval is on its side, missed if the whole interval is on the other, else undecided. It
speaks of what the mean over all seeds would be, for numbers that scatter normally; with two or three seeds it is wide.
Where all seeds agree, s = 0 and the interval is a point. Of ratios, x are the logarithms.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import stdtrit

from minirnn import catalog
from minirnn.arguments import check_call
from minirnn.errors import UsageError
from minirnn.reproduction.wording import shown, words

LEVEL = 0.95
YES, NO, UNDECIDED = "yes", "no", "undecided"
Row = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a rule found: {seed: number}, their mean and interval, and whether it is met; `follows` from that.

    metric   what the numbers are, which says how they are written; "" for a ratio
    """

    statement: str
    metric: str
    values: dict[int, float]
    mean: float
    low: float
    high: float
    outcome: str
    follows: str = ""


def interval(values: Iterable[float]) -> tuple[float, float, float]:
    """(mean, low, high) at the level; infinitely wide for fewer than two values."""
    x = np.asarray(list(values), dtype=np.float64)
    mean = float(np.mean(x)) if x.size else math.nan
    if x.size < 2:
        return mean, -math.inf, math.inf
    half = float(stdtrit(x.size - 1, (1 + LEVEL) / 2) * np.std(x, ddof=1) / np.sqrt(x.size))
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Rule(ABC):
    """`where` restricts the runs by values of the grid; `yes` and `no` say what follows from a control.

    metric   column of the results that is looked at, if not the target's
    """

    metric: str = ""
    yes: str = ""
    no: str = ""
    where: dict[str, Any] = field(default_factory=dict)
    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise UsageError(f"a rule needs one of above and below (got {self.above} and {self.below})")

    @property
    @abstractmethod
    def cases(self) -> tuple[str, ...]:
        """Of the target, those whose runs are looked at."""

    @abstractmethod
    def measure(self, rows: list[Row], metric: str) -> dict[int, float]:
        """{seed: the number that the bar is held against}, of the runs that have one."""

    @abstractmethod
    def subject(self, labels: dict[str, str]) -> str:
        """What is measured, in words."""

    def decide(
        self, rows: list[Row], metric: str, labels: dict[str, str], names: dict[str, str] | None = None,
    ) -> Finding:
        """The finding for a sweep's results; `metric` is the target's, `names` its words for metrics."""
        metric = self.metric or metric
        values = self.measure([row for row in rows if all(row.get(k) == x for k, x in self.where.items())], metric)
        mean, low, high = self.interval(values.values())
        ((bar, side),) = [(x, side) for x, side in ((self.above, "above"), (self.below, "below")) if x is not None]
        over, under = low > bar, high < bar
        met, missed = (over, under) if side == "above" else (under, over)
        outcome = YES if met else NO if missed else UNDECIDED
        where = "".join(f", {key} = {value}" for key, value in self.where.items())
        follows = {YES: self.yes, NO: self.no}.get(outcome, "")
        unit = self.unit(metric)
        which = f", {words(metric, names)}" if self.metric else ""
        statement = f"{self.subject(labels)}{which}{where}: {side} {shown(unit, bar)}"
        return Finding(statement, unit, values, mean, low, high, outcome, follows)

    def unit(self, metric: str) -> str:
        """As what `shown` writes the numbers."""
        return metric

    def interval(self, values: Iterable[float]) -> tuple[float, float, float]:
        """(mean, low, high) of what `measure` found."""
        return interval(values)


@dataclass(frozen=True)
class Threshold(Rule):
    """The metric of a case, less another metric of the same run if `less` names one, above or below a bar."""

    case: str = ""
    less: str = ""

    @property
    def cases(self) -> tuple[str, ...]:
        return (self.case,)

    def measure(self, rows: list[Row], metric: str) -> dict[int, float]:
        values = by_seed(rows, self.case, metric)
        if not self.less:
            return values
        return {seed: x - less for seed, x, less in paired(values, by_seed(rows, self.case, self.less))}

    def subject(self, labels: dict[str, str]) -> str:
        return f"{labels[self.case]}, less {words(self.less)}" if self.less else labels[self.case]


@dataclass(frozen=True)
class Ordering(Rule):
    """The metric of one case less that of another, seed by seed: equal seeds have equal data.  `by` is its `above`."""

    higher: str = ""
    lower: str = ""

    @property
    def cases(self) -> tuple[str, ...]:
        return self.higher, self.lower

    def measure(self, rows: list[Row], metric: str) -> dict[int, float]:
        pairs = paired(by_seed(rows, self.higher, metric), by_seed(rows, self.lower, metric))
        return {seed: a - b for seed, a, b in pairs}

    def subject(self, labels: dict[str, str]) -> str:
        return f"{labels[self.higher]}, less {labels[self.lower]}"


@dataclass(frozen=True)
class Ratio(Rule):
    """The metric of one case divided by that of another, seed by seed: their geometric mean, with its interval.

        exp(x̄ ± t s/√n)      x the logarithms, so that a/b and b/a are judged alike, over whatever orders of magnitude
    """

    case: str = ""
    over: str = ""

    @property
    def cases(self) -> tuple[str, ...]:
        return self.case, self.over

    def measure(self, rows: list[Row], metric: str) -> dict[int, float]:
        pairs = paired(by_seed(rows, self.case, metric), by_seed(rows, self.over, metric))
        return {seed: a / b for seed, a, b in pairs if a > 0 and b > 0}

    def subject(self, labels: dict[str, str]) -> str:
        return f"{labels[self.case]}, divided by {labels[self.over]}"

    def unit(self, metric: str) -> str:
        return ""

    def interval(self, values: Iterable[float]) -> tuple[float, float, float]:
        mean, low, high = (math.exp(min(x, 700.0)) for x in interval([math.log(x) for x in values]))
        return mean, low, math.inf if high > 1e300 else high


@dataclass(frozen=True)
class Trend(Rule):
    """The slope of the metric of a case over a key of the grid, by least squares within each seed."""

    case: str = ""
    over: str = ""

    @property
    def cases(self) -> tuple[str, ...]:
        return (self.case,)

    def measure(self, rows: list[Row], metric: str) -> dict[int, float]:
        points: dict[int, list[tuple[float, float]]] = {}
        for row in rows:
            if row["case"] == self.case and row.get(metric) is not None:
                points.setdefault(row["run.seed"], []).append((float(row[self.over]), row[metric]))
        return {seed: _slope(found) for seed, found in points.items() if len({x for x, _ in found}) > 1}

    def subject(self, labels: dict[str, str]) -> str:
        return f"{labels[self.case]}, slope over {self.over}"


KINDS: dict[str, type[Rule]] = {"threshold": Threshold, "ordering": Ordering, "ratio": Ratio, "trend": Trend}


def make(table: dict[str, Any]) -> Rule:
    """The rule of a table {"rule": name, ...}; an ordering's `by` is the bar above which the difference lies."""
    options = dict(table)
    name = options.pop("rule", "")
    if name not in KINDS:
        raise catalog.unknown("rule", name, KINDS)
    if name == "ordering":
        options["above"] = options.pop("by", 0.0)
    return KINDS[name](**check_call(KINDS[name], options, f"rule {name}"))


def by_seed(rows: list[Row], case: str, metric: str) -> dict[int, float]:
    """{seed: metric} of the runs of a case that have it."""
    return {row["run.seed"]: row[metric] for row in rows if row["case"] == case and row.get(metric) is not None}


def paired(a: dict[int, float], b: dict[int, float]) -> list[tuple[int, float, float]]:
    """(seed, number of a, number of b) of the seeds that both have."""
    return [(seed, x, b[seed]) for seed, x in a.items() if seed in b]


def _slope(points: list[tuple[float, float]]) -> float:
    x, y = np.asarray(points, dtype=np.float64).T
    x = x - np.mean(x)
    return float(np.sum(x * y) / np.sum(x * x))
