"""The learning curves of a target's runs: validation against updates, every seed thin, one colour per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.figures.curves import axis, scaled
from minirnn.reproduction.judgement import Judgement
from minirnn.reproduction.target import Line
from minirnn.saved_run import SavedRun, series

MOST = 6        # panels of one picture
POINTS = 2      # validations that make a curve


def draw(judged: Judgement, runs: Path) -> Any | None:
    """A matplotlib figure with a panel for each of the target's, or None where no run was validated twice.

    runs   the folder with the runs' folders
    """
    lines: dict[str, list[tuple[Line, list[SavedRun]]]] = {}
    for line in judged.target.lines(judged.scale):
        saved = _saved([runs / row["folder"] for row in judged.runs(line)])
        if saved:
            lines.setdefault(line.panel, []).append((line, saved))
    if not lines:
        return None
    shown = list(lines.items())[:MOST]
    size = (5.2, 3.7) if len(shown) > 1 else (6.6, 4.2)
    figure, panels = style.panels(len(shown), columns=min(3, len(shown)), size=size)
    metric = _metric(judged, shown[0][1][0][1][0])
    for ax, (title, group) in zip(panels, shown, strict=True):
        for k, (line, saved) in enumerate(group):
            look = {**style.line(k), "linewidth": 0.9}
            for j, run in enumerate(saved):
                ax.plot(*scaled(series(run.of("valid"), metric), metric), **look,
                        label=style.plain(line.label, 44) if j == 0 else None)
        ax.set(xlabel="updates", ylabel=axis(metric, group[0][1][0]))
        ax.set_title(style.plain(title, 48), fontsize=11)
        style.whole(ax, "x")
        style.legend(ax, fontsize=7.5)
        if metric == "accuracy":
            ax.set_ylim(0, 103)
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


def _metric(judged: Judgement, run: SavedRun) -> str:
    """The target's metric as validations call it, else the goal of its runs."""
    name = judged.target.metric.split("_", 2)[-1]
    return name if any(name in record for record in run.of("valid")) else run.goal


def _saved(folders: list[Path]) -> list[SavedRun]:
    """The runs that can be read and were validated often enough."""
    found = []
    for folder in folders:
        try:
            run = SavedRun(folder)
        except UsageError:
            continue
        if len(series(run.of("valid"), "loss")[0]) >= POINTS:
            found.append(run)
    return found
