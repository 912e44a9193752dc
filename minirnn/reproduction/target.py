"""Targets: a claim of a paper, the runs that test it, and the rules that decide, from tasks/targets/NAME.toml.

    title, claim      the experiment in a few words; what the source says, in a sentence
    source            its citation key, and the place
    metric            column of a sweep's results by which the cases are judged
    chose             what was chosen here where the source leaves it open, besides what the presets say
    [cases.NAME]      label, published (of the metric, accuracies from 0 to 1), and preset and tables as in a sweep
    [grid]            as in a sweep, beside the seeds
    [[accept]]        a rule of `reproduction.rules`; together they are the claim
    [[control]]       a rule that does not decide, with what follows from `yes` and from `no`
    [scale.SCALE]     about, seeds, minutes on one core, tables for all cases, preset_scale for those with a preset, and
                      cases.NAME = tables
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minirnn import catalog, config, tasks
from minirnn.errors import UsageError
from minirnn.presets import TABLES
from minirnn.reproduction import rules
from minirnn.sweeps import Sweep

FOLDER = Path(tasks.__file__).parent / "targets"
SCALES = ("quick", "standard", "paper")
KEYS = ("title", "claim", "source", "metric", "chose", "cases", "grid", "accept", "control", "scale")
OF_SCALE = ("about", "seeds", "minutes", "preset_scale", "cases", *TABLES)
OF_CASE = ("label", "published", "preset", *TABLES)


@dataclass(frozen=True)
class Target:
    """One target, as its file says."""

    name: str
    title: str
    claim: str
    source: str
    metric: str
    chose: tuple[str, ...]
    cases: dict[str, dict[str, Any]]
    grid: dict[str, Any]
    accept: tuple[rules.Rule, ...]
    control: tuple[rules.Rule, ...]
    scales: dict[str, dict[str, Any]]

    def label(self, case: str) -> str:
        return str(self.cases[case]["label"])

    def sweep(self, scale: str, seeds: int | None = None) -> Sweep:
        """The runs at a scale; as many seeds, from 0 on, as asked for or as the scale says."""
        at = self.scales[scale]
        shared = {key: at[key] for key in TABLES if key in at}
        cases = {}
        for name, case in self.cases.items():
            own = {key: case[key] for key in ("preset", *TABLES) if key in case}
            if "preset" in case and at.get("preset_scale"):
                own["scale"] = at["preset_scale"]
            cases[name] = config.merge(own, shared, at.get("cases", {}).get(name, {}))
        grid = {**self.grid, "run.seed": list(range(at["seeds"] if seeds is None else seeds))}
        return Sweep.of({"title": self.title, "cases": cases, "grid": grid}, f"target {self.name}")


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(name: str) -> Target:
    """The target of that name.  raises UsageError with the nearest name if there is none"""
    if name not in names():
        raise catalog.unknown("target", name, names())
    return read(name, tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


def read(name: str, content: dict[str, Any]) -> Target:
    """The target of a file's tables.  raises UsageError for a key that no target has, or a case that a rule lacks"""
    _known(name, content, KEYS)
    for case in content["cases"].values():
        _known(f"{name}, cases", case, OF_CASE)
    for scale, at in content["scale"].items():
        if scale not in SCALES:
            raise catalog.unknown("scale", scale, SCALES)
        _known(f"{name}, scale {scale}", at, OF_SCALE)
    made = {part: tuple(map(rules.make, content.get(part, ()))) for part in ("accept", "control")}
    for rule in (*made["accept"], *made["control"]):
        for case in rule.cases:
            if case not in content["cases"]:
                raise catalog.unknown(f"case of the target {name} called", case, content["cases"])
    if not made["accept"]:
        raise UsageError(f"the target {name} has no rule that decides; add one under [[accept]]")
    return Target(
        name, content["title"], content["claim"], content["source"], content["metric"],
        tuple(content.get("chose", ())), content["cases"], content.get("grid", {}), **made, scales=content["scale"],
    )


def _known(where: str, table: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise catalog.unknown(f"key of the target {where} called", key, keys)
