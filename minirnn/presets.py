"""Presets: the papers' experiments as configurations, one TOML file per table, one variant per entry of it.

    title      what the table shows                    source     its citation key, and the table
    claim      what the source says, where it prints no number
    published  {SPLIT_METRIC = number}, as printed; accuracies in percent
    unstated   what the source leaves open, and what stands in for it here
    differs    what is done otherwise here than the source does it
    minutes    what a run costs on one core, estimated

and the tables [task], [model], [optimizer], [train] of a configuration. [variants.NAME] overrides all of these for one
entry of the table, [scale.quick] for runs of minutes, [variants.NAME.scale.quick] for both; `unstated` and `differs`
add up. The first variant is the one that a preset's bare name stands for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minirnn import catalog, tasks
from minirnn.errors import UsageError
from minirnn.toml import Tables, merge

FOLDER = Path(tasks.__file__).parent / "presets"
TABLES = ("task", "model", "optimizer", "train", "run")
ABOUT = ("title", "source", "claim", "published", "unstated", "differs", "minutes")


@dataclass(frozen=True)
class Preset:
    """One variant of a preset at one scale; `tables` is complete, so that no task's suggestion enters."""

    name: str
    scale: str
    title: str
    source: str
    claim: str
    published: dict[str, float]
    unstated: tuple[str, ...]
    differs: tuple[str, ...]
    minutes: float
    tables: Tables

    def said(self) -> str:
        """What was published: numbers, or a claim."""
        return ", ".join(f"{words(key)} {x:g}{percent(key)}" for key, x in self.published.items()) or self.claim


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def variants(name: str) -> list[str]:
    """The full names, PRESET/VARIANT, of a preset's variants, in the order of its file."""
    return [f"{name}/{variant}" for variant in _read(name)["variants"]]


def claim(name: str) -> str:
    """What the source says about the whole table, where it prints no number."""
    return _read(name).get("claim", "")


def scales(name: str) -> list[str]:
    return list(_read(name).get("scale", {}))


def find(full_name: str, scale: str = "") -> Preset:
    """The preset NAME or NAME/VARIANT, at the published scale or a named one.

    raises    UsageError with the nearest name, if there is no such preset, variant or scale
    """
    name, _, variant = full_name.partition("/")
    if name not in names():
        raise catalog.unknown("preset", name, names())
    content = _read(name)
    known = content["variants"]
    if variant and variant not in known:
        raise catalog.unknown(f"variant of the preset {name} called", variant, known)
    if scale and scale not in scales(name):
        raise catalog.unknown(f"scale of the preset {name} called", scale, scales(name))
    variant = variant or next(iter(known))
    layers = [content, known[variant]]
    if scale:
        layers += [content["scale"][scale], known[variant].get("scale", {}).get(scale, {})]
    label = {"run": {"preset": f"{name}/{variant}", "scale": scale}}
    about = {key: value for layer in layers for key, value in layer.items() if key in ABOUT}
    lists = {key: tuple(text for layer in layers for text in layer.get(key, ())) for key in ("unstated", "differs")}
    return Preset(
        name=f"{name}/{variant}", scale=scale, title=about["title"], source=about["source"],
        claim=about.get("claim", ""), published=dict(about.get("published", {})), minutes=float(about["minutes"]),
        tables=merge(*({key: layer[key] for key in TABLES if key in layer} for layer in layers), label), **lists,
    )


def published(label: str) -> dict[str, float]:
    """The published numbers of the preset that a run was started from; none if this version does not have it.

    Named and scaled as a run's own test scores: {"accuracy": 0.9144} of test_accuracy = 91.44.
    """
    try:
        numbers = find(label).published if label else {}
    except UsageError:
        return {}
    return {key.removeprefix("test_"): x / 100 if percent(key) else x for key, x in numbers.items()}


def words(key: str) -> str:
    """test_accuracy -> test accuracy"""
    return key.replace("_", " ")


def percent(key: str) -> str:
    return " %" if key.endswith("accuracy") else ""


def duration(minutes: float) -> str:
    """0.3 -> 18 s, 90 -> 1.5 h, 4800 -> 3.3 d"""
    units = ((1, "s", 1 / 60), (90, "min", 1), (48 * 60, "h", 60), (float("inf"), "d", 24 * 60))
    unit, size = next((unit, size) for limit, unit, size in units if minutes < limit)
    return f"{minutes / size:.2g} {unit}"


def _read(name: str) -> dict[str, Any]:
    content = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    parts: list[Mapping[str, Any]] = [content, *content["variants"].values(), *content.get("scale", {}).values()]
    for part in parts:
        for key in part:
            if key not in (*TABLES, *ABOUT, "variants", "scale"):
                raise catalog.unknown(f"key of the preset {name} called", key, (*TABLES, *ABOUT, "variants", "scale"))
    return content
