"""The curves of a target's runs against updates, every seed thin, one colour per line.

They show the validation metric, or what was watched while training where the target is judged by that, or the training
loss of runs that were validated once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.figures.curves import axis, scaled
from minirnn.reproduction.judgement import Judgement
from minirnn.reproduction.target import Line
from minirnn.reproduction.wording import words
from minirnn.saved_run import SavedRun, series
from minirnn.sweeps.numbers import numbers

MOST = 6        # panels of one picture
POINTS = 2      # that make a curve
WIDE = 100      # times the smallest value is the largest where the axis is logarithmic
Curve = tuple[str, list[int], list[float]]      # what is shown, updates, values


def draw(judged: Judgement, runs: Path) -> Any | None:
    """A matplotlib figure with a panel for each of the target's, or None where no run has two points.

    runs   the folder with the runs' folders
    """
    metric = judged.target.metric
    panels: dict[str, list[tuple[Line, list[Curve]]]] = {}
    for line in judged.target.lines(judged.scale):
        curves = [_curve(runs / row["folder"], metric) for row in judged.runs(line)]
        if kept := [curve for curve in curves if len(curve[1]) >= POINTS]:
            panels.setdefault(line.panel, []).append((line, kept))
    if not panels:
        return None
    shown = list(panels.items())[:MOST]
    size = (5.2, 4.3) if len(shown) > 1 else (8.4, 4.2)
    figure, axes = style.panels(len(shown), columns=min(3, len(shown)), size=size)
    for ax, (title, group) in zip(axes, shown, strict=True):
        for k, (line, curves) in enumerate(group):
            look = {**style.line(k), "linewidth": 0.9}
            for j, (_, steps, values) in enumerate(curves):
                ax.plot(steps, values, **look, label=style.plain(line.label, 44) if j == 0 else None)
        name = group[0][1][0][0]
        ax.set(xlabel="updates", ylabel=name)
        ax.set_title(style.plain(title, 48), fontsize=11)
        style.whole(ax, "x")
        corner, at = ("upper left", (1, 1)) if len(shown) == 1 else ("upper center", (0.5, -0.2))
        style.legend(ax, fontsize=7.5, loc=corner, bbox_to_anchor=at)           # curves leave no room inside
        heights = [y for _, curves in group for curve in curves for y in curve[2]]
        if name.startswith("accuracy"):
            ax.set_ylim(0, 103)
        elif min(heights) > 0 and max(heights) > WIDE * min(heights):
            ax.set_yscale("log")
    style.caption(figure, f"{judged.target.name}, scale {judged.scale}: {judged.target.title}. One line per seed.")
    return figure


def save(judged: Judgement, runs: Path, path: Path) -> bool:
    """Draw into a file; False, and no file, where there is nothing to draw or no matplotlib."""
    figure = draw(judged, runs) if style.available() else None
    if figure is None:
        path.unlink(missing_ok=True)
        return False
    style.save(figure, path)
    return True


def _curve(folder: Path, metric: str) -> Curve:
    """What a run's records have of a metric; nothing if it cannot be read."""
    try:
        run = SavedRun(folder)
    except UsageError:
        return "", [], []
    if metric.startswith("watch_"):
        field = metric.removeprefix("watch_").rpartition("_")[0]
        found = [(r["step"], numbers(r).get(field)) for r in run.of("watch")]
        kept = [(step, x) for step, x in found if x is not None]
        return words(f"watch_{field}_").rstrip(", "), [step for step, _ in kept], [x for _, x in kept]
    name = metric.split("_", 2)[-1]
    name = name if any(name in record for record in run.of("valid")) else run.goal
    validated = scaled(series(run.of("valid"), name), name)
    if len(validated[0]) >= POINTS:
        return axis(name, run), *validated
    return f"training {axis('loss', run)}", *series(run.of("train"), "loss")
