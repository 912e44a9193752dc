"""The verdict on a target: what its rules found in a sweep's results."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from minirnn.reproduction.rules import NO, YES, Finding, Row, by_seed, interval
from minirnn.reproduction.target import Line, Target

BOUNDS = ("mean", "low", "high")
HOLDS, HERE, FAILS, OPEN = "holds", "holds at this scale", "does not hold", "undecided"


@dataclass(frozen=True)
class Judgement:
    """`findings` decide, `controls` do not; `failed` runs have no number; `rows` are the sweep's results."""

    target: Target
    scale: str
    verdict: str
    findings: tuple[Finding, ...]
    controls: tuple[Finding, ...]
    failed: tuple[str, ...]
    rows: list[Row]

    @property
    def metrics(self) -> list[str]:
        """The target's metric, and those that its rules and published numbers name besides."""
        target = self.target
        named = [rule.metric for part in target.rules(self.scale) for rule in part if rule.metric]
        said = [case.get("published") for case in target.kept(self.scale).values()]
        return list(dict.fromkeys([target.metric, *named, *(key for x in said if isinstance(x, dict) for key in x)]))

    def lines(self, metric: str) -> list[Line]:
        """The lines of a metric's table: all for the target's own, else those that a rule or the source speaks of."""
        target = self.target
        asked = {case for part in target.rules(self.scale) for rule in part if rule.metric == metric
                 for case in rule.cases}
        return [line for line in target.lines(self.scale) if metric == target.metric or line.case in asked
                or target.published(line.case, metric) is not None]

    def runs(self, line: Line) -> list[Row]:
        """The results of a line, by seed."""
        return [row for row in self.rows
                if row["case"] == line.case and all(row.get(k) == x for k, x in line.where.items())]

    def measured(self, line: Line, metric: str) -> dict[int, float]:
        """{seed: number} of a line."""
        return by_seed(self.runs(line), line.case, metric)

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON can hold it: without a bound where the interval has none."""
        tables = {
            metric: [
                {"case": line.case, **({"where": line.where} if line.where else {}), "label": line.label,
                 "published": self.target.published(line.case, metric), "seeds": self.measured(line, metric),
                 **_bounded(dict(zip(BOUNDS, interval(self.measured(line, metric).values()), strict=True)))}
                for line in self.lines(metric)
            ]
            for metric in self.metrics
        }
        return {
            "target": self.target.name, "title": self.target.title, "claim": self.target.claim,
            "source": self.target.source, "design": self.target.design, "scale": self.scale, "verdict": self.verdict,
            "metric": self.target.metric, "names": self.target.names, "tables": tables,
            "findings": [_bounded(asdict(found)) for found in self.findings],
            "controls": [_bounded(asdict(found)) for found in self.controls],
            "failed": list(self.failed), "runs": self.rows,
        }


def judge(target: Target, scale: str, rows: list[Row]) -> Judgement:
    """Holds if every rule of the claim is met, does not hold if one is missed, else undecided.

    Below the scale "paper" a claim that holds, holds at this scale: the settings were changed to make it affordable.
    """
    labels = {case: target.label(case) for case in target.cases}
    accept, control = target.rules(scale)
    findings = tuple(rule.decide(rows, target.metric, labels, target.names) for rule in accept)
    controls = tuple(rule.decide(rows, target.metric, labels, target.names) for rule in control)
    outcomes = {found.outcome for found in findings}
    verdict = FAILS if NO in outcomes else OPEN if outcomes != {YES} else HOLDS if scale == "paper" else HERE
    failed = tuple(f"{row['case']}, seed {row['run.seed']}: {row['error']}" for row in rows if row["error"])
    return Judgement(target, scale, verdict, findings, controls, failed, rows)


def _bounded(found: dict[str, Any]) -> dict[str, Any]:
    return {key: x if key not in BOUNDS or abs(x) < math.inf else None for key, x in found.items()}
