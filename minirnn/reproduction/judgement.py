"""The verdict on a target: what its rules found in a sweep's results."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from minirnn.reproduction.rules import NO, YES, Finding, Row, by_seed, interval
from minirnn.reproduction.target import Target

BOUNDS = ("mean", "low", "high")
HOLDS, HERE, FAILS, OPEN = "holds", "holds at this scale", "does not hold", "undecided"


@dataclass(frozen=True)
class Judgement:
    """`measured` is {case: {seed: metric}}; `findings` decide, `controls` do not; `failed` runs have no number."""

    target: Target
    scale: str
    verdict: str
    measured: dict[str, dict[int, float]]
    findings: tuple[Finding, ...]
    controls: tuple[Finding, ...]
    failed: tuple[str, ...]
    rows: list[Row]

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON can hold it: without a bound where the interval has none."""
        cases = {
            case: {"label": self.target.label(case), "published": self.target.cases[case].get("published"),
                   "seeds": found, **_bounded(dict(zip(BOUNDS, interval(found.values()), strict=True)))}
            for case, found in self.measured.items()
        }
        return {
            "target": self.target.name, "claim": self.target.claim, "source": self.target.source, "scale": self.scale,
            "verdict": self.verdict, "metric": self.target.metric, "cases": cases,
            "findings": [_bounded(asdict(found)) for found in self.findings],
            "controls": [_bounded(asdict(found)) for found in self.controls],
            "failed": list(self.failed), "runs": self.rows,
        }


def judge(target: Target, scale: str, rows: list[Row]) -> Judgement:
    """Holds if every rule of the claim is met, does not hold if one is missed, else undecided.

    Below the scale "paper" a claim that holds, holds at this scale: the settings were changed to make it affordable.
    """
    labels = {case: target.label(case) for case in target.cases}
    findings = tuple(rule.decide(rows, target.metric, labels) for rule in target.accept)
    controls = tuple(rule.decide(rows, target.metric, labels) for rule in target.control)
    outcomes = {found.outcome for found in findings}
    verdict = FAILS if NO in outcomes else OPEN if outcomes != {YES} else HOLDS if scale == "paper" else HERE
    measured = {case: by_seed(rows, case, target.metric) for case in target.cases}
    failed = tuple(f"{row['case']}, seed {row['run.seed']}: {row['error']}" for row in rows if row["error"])
    return Judgement(target, scale, verdict, measured, findings, controls, failed, rows)


def _bounded(found: dict[str, Any]) -> dict[str, Any]:
    return {key: x if key not in BOUNDS or abs(x) < math.inf else None for key, x in found.items()}
