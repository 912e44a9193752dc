"""What a sweep's file says, and the points it stands for.

    title     what the sweep is about
    preset    NAME/VARIANT, and its scale: the layer under everything else
    [task] [model] [optimizer] [train] [run]      tables of a configuration, for every run
    [cases.NAME]                                  preset, scale and tables of one of several named alternatives
    [grid]                                        "table.key" = [values]

The points are cases × grid, the last key fastest; where there are no cases, there is one without a name. A later
layer wins: the file's preset, its tables, the case's preset, its tables, the values of the grid.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minirnn import catalog, presets, toml
from minirnn.errors import UsageError
from minirnn.presets import TABLES

LAYER = ("preset", "scale", *TABLES)
KEYS = ("title", *LAYER, "cases", "grid")


@dataclass(frozen=True)
class Point:
    """One entry of the grid: its case, {"table.key": value}, and the tables of its configuration."""

    case: str
    values: dict[str, Any]
    tables: toml.Tables


@dataclass(frozen=True)
class Sweep:
    """A grid of runs; `base` and each of the cases hold what a layer may: preset, scale and tables."""

    title: str = ""
    base: dict[str, Any] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    grid: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Sweep:
        """The sweep of a TOML file."""
        return cls.of(toml.load(path), str(path))

    @classmethod
    def of(cls, content: Mapping[str, Any], where: str) -> Sweep:
        """The sweep of the tables of a file; `where` names it in errors."""
        for key in content:
            if key not in KEYS:
                raise catalog.unknown(f"key of the sweep {where} called", key, KEYS)
        cases = _table(content, "cases", where)
        for name in cases:
            for key in _table(cases, name, f"{where}, cases"):
                if key not in LAYER:
                    raise catalog.unknown(f"key of the case {name} in {where} called", key, LAYER)
        base = {key: content[key] for key in LAYER if key in content}
        grid = dict(_flat(_table(content, "grid", where)))
        for key, values in grid.items():
            if key.partition(".")[0] not in TABLES or not key.partition(".")[2]:
                raise UsageError(f"{where}: the grid's key {key!r} must be TABLE.KEY, with a table of {_some(TABLES)}")
            if not isinstance(values, list) or not values:
                raise UsageError(f"{where}: grid {key!r} must be a list of at least one value (got {values!r})")
            for name, case in {"": base, **cases}.items():
                if name and key in dict(_flat(case)):
                    raise UsageError(f"{where}: {key} is set by the case {name} and by the grid; leave it out of one")
        return cls(str(content.get("title", "")), base, cases, grid)

    def points(self) -> Iterator[Point]:
        """Every entry of the grid; presets are looked up, nothing else is checked."""
        for name, case in (self.cases or {"": {}}).items():
            layers = [*_layers(self.base), *_layers(case)]
            for values in itertools.product(*self.grid.values()):
                chosen = dict(zip(self.grid, values, strict=True))
                yield Point(name, chosen, toml.merge(*layers, _nested(chosen)))


def _layers(part: Mapping[str, Any]) -> list[toml.Tables]:
    """The tables of the preset that a part names, then its own."""
    own = {key: _table(part, key, "a sweep") for key in TABLES if key in part}
    for key in ("preset", "scale"):
        if not isinstance(part.get(key, ""), str):
            raise UsageError(f"{key} must be a text (got {part[key]!r}); `minirnn list presets` has the names")
    if "preset" not in part:
        if part.get("scale"):
            raise UsageError(f"scale {part['scale']!r} belongs to a preset; name one beside it")
        return [own]
    return [presets.find(part["preset"], part.get("scale", "")).tables, own]


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("table.key", value) of tables within tables: "task.length" = [5] and task.length = [5] are the same."""
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _nested(values: Mapping[str, Any]) -> toml.Tables:
    tables: toml.Tables = {}
    for key, value in values.items():
        *parents, last = key.split(".")
        target = tables
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    return tables


def _table(content: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    found = content.get(key, {})
    if not isinstance(found, Mapping):
        raise UsageError(f"{where}: {key} must be a table (got {found!r})")
    return dict(found)


def _some(words: tuple[str, ...]) -> str:
    return ", ".join(words)
