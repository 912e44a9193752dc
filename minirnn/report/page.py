"""From runs to the page: what it says is collected here, how it looks is in page.html."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minirnn import __version__
from minirnn.checkpoint import replace
from minirnn.errors import UsageError
from minirnn.figures.labels import by_seed, labels
from minirnn.metrics import score
from minirnn.report import contents, pictures
from minirnn.saved_run import SavedRun

TEMPLATE = Path(__file__).with_name("page.html")
MOST = 4        # runs of which a page has every picture


def write(runs: list[SavedRun], path: Path) -> list[str]:
    """Write the page of these runs, whole or not at all; returns what is missing from it, one sentence each.

    raises    UsageError if Jinja is not installed, or the file cannot be written
    """
    html, notes = render(runs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, lambda file: file.write(html.encode()))
    except OSError as error:
        raise UsageError(f"cannot write {path} ({error.strerror}); name another file with --out") from None
    return notes


def render(runs: list[SavedRun]) -> tuple[str, list[str]]:
    """(the page, what is missing from it). Every name and text is escaped; the template holds no script."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise UsageError("reports need Jinja: pip install 'minirnn[report]'") from None
    every = [_run(run, f"run-{k}", len(runs) <= MOST) for k, run in enumerate(runs)]
    names, left_out = labels(runs)
    shared: list[pictures.Picture] = []
    notes = [f"{run.name}: {note}" for run, found in zip(runs, every, strict=True) for note in found["missing"]]
    if len(runs) > 1:
        kinds = ("comparison", "curves") if len(by_seed(runs)) < len(runs) else ("comparison",)
        shared, missing = pictures.of(runs, kinds)
        notes += [note for note in missing if note not in " ".join(notes)]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    html = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=runs[0].title if len(runs) == 1 else f"{len(runs)} runs", runs=every, pictures=shared,
        comparison=_comparison(runs, names) if len(runs) > 1 else None, left_out=left_out, versions=_versions(),
    )
    return html, notes


def _run(run: SavedRun, anchor: str, all_pictures: bool) -> dict[str, Any]:
    """All that the template shows of one run; the pictures first, since drawing them finds out what is missing."""
    drawn, notes = pictures.of_run(run, all_pictures)
    found = {
        "anchor": anchor, "name": run.name, "folder": str(run.folder), "title": run.title,
        "status": contents.status(run), "facts": contents.facts(run), "outcome": contents.outcome(run),
        "pictures": drawn, "equations": contents.equations(run), "parameters": contents.parameters(run),
        "configuration": contents.configuration(run), "preset": contents.preset(run), "again": contents.again(run),
        "more": not all_pictures,
    }
    return {**found, "missing": list(dict.fromkeys([*run.missing, *notes]))}


def _comparison(runs: list[SavedRun], names: list[str]) -> dict[str, Any]:
    """The table of several runs: what differs, and how each ended."""
    goals = list(dict.fromkeys(run.goal for run in runs))
    rows = []
    for k, (run, label) in enumerate(zip(runs, names, strict=True)):
        result = contents.results(run)
        cells = [f"{run.step:,}", contents.duration(run.seconds)]
        for goal in goals:
            for column in ("validation", "test", "without memory", "published"):
                value = result.get(column, {}).get(goal)
                cells.append("" if value is None else score(goal, value))
        rows.append({"anchor": f"run-{k}", "name": run.name, "label": label, "cells": cells})
    headings = ["updates", "training"]
    headings += [f"{goal}, {column}" for goal in goals for column in ("validation", "test", "no memory", "published")]
    kept = [j for j in range(len(headings)) if any(row["cells"][j] for row in rows)]
    for row in rows:
        row["cells"] = [row["cells"][j] for j in kept]
    return {"headings": [headings[j] for j in kept], "rows": rows}


def _versions() -> str:
    parts = [f"minirnn {__version__}", f"Python {sys.version.split()[0]}", f"NumPy {np.__version__}"]
    return ", ".join([*parts, f"{platform.system()} {platform.machine()}"])
