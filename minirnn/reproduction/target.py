"""Targets: a claim of a paper, the runs that test it, and the rules that decide, from tasks/targets/PAPER/NAME.toml.

    title, claim      the experiment in a few words; what the source says, in a sentence
    source            its citation key, and the place
    design            "our own" for a qualitative experiment, where the source has a claim and no such table
    metric            column of a sweep's results (`sweeps.results`) by which the cases are judged
    names             {metric = words}, where its name does not say enough
    published_as      how the source gives its numbers, where that needs words
    chose             what was chosen here where the source leaves it open, besides what the presets say
    sensitivity       what other choices were seen to do
    diagnose          diagnostics that are asked of every trained network; column end_FIELD, see `sweeps.numbers`
    [cases.NAME]      label, published, panel, and preset and tables as in a sweep. published: of the metric, a number
                      (accuracies from 0 to 1) or a text, or {metric = either}; panel: cases that share one are drawn
                      in the same axes
    [grid]            as in a sweep, beside the seeds; every rule but a trend then says `where`
    [[accept]]        a rule of `reproduction.rules`; together they are the claim
    [[control]]       a rule that does not decide, with what follows from `yes` and from `no`
    [scale.SCALE]     about, seeds, minutes on one core, tables for all cases, preset_scale for those with a preset, and
                      cases.NAME = tables; leave_out = cases that are too long for this scale, with their rules
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minirnn import catalog, tasks, toml
from minirnn.errors import UsageError
from minirnn.presets import TABLES
from minirnn.reproduction import rules
from minirnn.sweeps import Sweep

FOLDER = Path(tasks.__file__).parent / "targets"
SCALES = ("quick", "standard", "paper")
OURS = "our own"
KEYS = ("title", "claim", "source", "design", "metric", "names", "published_as", "chose", "sensitivity", "diagnose",
        "cases", "grid", "accept", "control", "scale")
OF_SCALE = ("about", "seeds", "minutes", "preset_scale", "cases", "leave_out", *TABLES)
OF_CASE = ("label", "published", "panel", "preset", *TABLES)


@dataclass(frozen=True)
class Line:
    """A line of a target's tables: a case at one point of the grid, the seeds apart."""

    case: str
    where: dict[str, Any]
    label: str
    panel: str


@dataclass(frozen=True)
class Target:
    """One target, as its file says."""

    name: str
    title: str
    claim: str
    source: str
    design: str
    metric: str
    names: dict[str, str]
    published_as: str
    chose: tuple[str, ...]
    sensitivity: tuple[str, ...]
    diagnose: tuple[str, ...]
    cases: dict[str, dict[str, Any]]
    grid: dict[str, Any]
    accept: tuple[rules.Rule, ...]
    control: tuple[rules.Rule, ...]
    scales: dict[str, dict[str, Any]]

    def label(self, case: str) -> str:
        return str(self.cases[case]["label"])

    def kept(self, scale: str) -> dict[str, dict[str, Any]]:
        """The cases of a scale."""
        return {name: case for name, case in self.cases.items() if name not in self.scales[scale].get("leave_out", ())}

    def rules(self, scale: str) -> tuple[tuple[rules.Rule, ...], tuple[rules.Rule, ...]]:
        """(accept, control) that speak of the cases of a scale."""
        kept = set(self.kept(scale))
        accept, control = (tuple(r for r in part if set(r.cases) <= kept) for part in (self.accept, self.control))
        return accept, control

    def lines(self, scale: str) -> list[Line]:
        """Every case of a scale at every point of the grid."""
        points = [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]
        found = []
        for name, case in self.kept(scale).items():
            for where in points:
                at = [f"{key.rpartition('.')[2]} {value}" for key, value in where.items()]
                panel = ", ".join([*([case["panel"]] if "panel" in case else []), *at])
                found.append(Line(name, where, ", ".join([self.label(name), *at]), panel))
        return found

    def published(self, case: str, metric: str) -> float | str | None:
        """What the source prints, or None."""
        said = self.cases[case].get("published")
        return said.get(metric) if isinstance(said, dict) else said if metric == self.metric else None

    def sweep(self, scale: str, seeds: int | Iterable[int] | None = None) -> Sweep:
        """The runs at a scale; as many seeds, from 0 on, as asked for or as the scale says, or those that are named."""
        at = self.scales[scale]
        shared = {key: at[key] for key in TABLES if key in at}
        cases = {}
        for name, case in self.kept(scale).items():
            own = {key: case[key] for key in ("preset", *TABLES) if key in case}
            if "preset" in case and at.get("preset_scale"):
                own["scale"] = at["preset_scale"]
            cases[name] = toml.merge(own, shared, at.get("cases", {}).get(name, {}))
        seeds = at["seeds"] if seeds is None else seeds
        grid = {**self.grid, "run.seed": list(range(seeds)) if isinstance(seeds, int) else list(seeds)}
        return Sweep.of({"title": self.title, "cases": cases, "grid": grid}, f"target {self.name}")


def names() -> list[str]:
    """PAPER/NAME of every target."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.toml"))


def papers() -> list[str]:
    return sorted({name.partition("/")[0] for name in names()})


def select(words: Iterable[str]) -> list[Target]:
    """The targets of names and of papers, each once; all of them for no word."""
    chosen: dict[str, None] = {}
    for word in words or papers():
        chosen |= dict.fromkeys([name for name in names() if name.partition("/")[0] == word] or [word])
    return [find(name) for name in chosen]


def find(name: str) -> Target:
    """The target of that name.  raises UsageError with the nearest name if there is none"""
    if name not in names():
        raise catalog.unknown("target", name, [*names(), *papers()])
    return read(name, tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


def read(name: str, content: dict[str, Any]) -> Target:
    """The target of a file's tables.  raises UsageError for a key that no target has, or a case that a rule lacks"""
    _known(name, content, KEYS)
    cases, grid = content["cases"], content.get("grid", {})
    for case in cases.values():
        _known(f"{name}, cases", case, OF_CASE)
    for scale, at in content["scale"].items():
        if scale not in SCALES:
            raise catalog.unknown("scale", scale, SCALES)
        _known(f"{name}, scale {scale}", at, OF_SCALE)
        for case in (*at.get("cases", ()), *at.get("leave_out", ())):
            if case not in cases:
                raise catalog.unknown(f"case of the target {name} called", case, cases)
    if content.get("design", OURS) != OURS:
        raise UsageError(f"the target {name}: design is {OURS!r} or left out (got {content['design']!r})")
    made = {part: tuple(map(rules.make, content.get(part, ()))) for part in ("accept", "control")}
    for rule in (*made["accept"], *made["control"]):
        for case in rule.cases:
            if case not in cases:
                raise catalog.unknown(f"case of the target {name} called", case, cases)
        free = set(grid) - set(rule.where) - ({rule.over} if isinstance(rule, rules.Trend) else set())
        if free or set(rule.where) - set(grid):
            raise UsageError(f"the target {name}: a rule's `where` must have a value for each key of {sorted(grid)} "
                             f"(got {sorted(rule.where)}); only a trend leaves out what it goes over")
    if not made["accept"]:
        raise UsageError(f"the target {name} has no rule that decides; add one under [[accept]]")
    found: dict[str, Any] = {key: content[key] for key in ("title", "claim", "source", "metric")}
    found |= {key: content.get(key, "") for key in ("design", "published_as")}
    found |= {key: tuple(content.get(key, ())) for key in ("chose", "sensitivity", "diagnose")}
    found |= {"names": content.get("names", {}), "cases": cases, "grid": grid, "scales": content["scale"], **made}
    return Target(name=name, **found)


def _known(where: str, table: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise catalog.unknown(f"key of the target {where} called", key, keys)
