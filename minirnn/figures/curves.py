"""Loss and accuracy against the update: runs that differ in the seed alone are one line with a band."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import by_seed, labels
from minirnn.saved_run import SavedRun, series


class Curves(Figure):
    """Training and validation loss, and the goal metric, with what a guesser without memory gets.

    Seeds of one configuration become their mean, at the updates that all of them have, and a band from the smallest to
    the largest; each seed is drawn as a faint line to its own end.
    """

    summary = "loss and accuracy against the update, seeds as bands, with the memoryless baseline"
    needs = "any run"

    def draw(self, runs: list[SavedRun]) -> Drawing:
        notes = [f"{run.folder} has neither a training nor a validation record" for run in runs if not _has(run)]
        runs = [run for run in runs if _has(run)]
        if not runs:
            raise UsageError(f"nothing to draw: {notes[0]}")
        groups = by_seed(runs)
        names, left_out = labels([group[0] for group in groups])
        figure, (left, right) = style.panels(2, stacked=self.stacked)
        goal = runs[0].goal
        for k, (group, name) in enumerate(zip(groups, names, strict=True)):
            look = style.line(k)
            only = len(groups) == 1
            seeds = f" ({len(group)} seeds)" if len(group) > 1 else ""
            label = f"validation{seeds}" if only else style.plain(name, 40) + seeds
            faint = {"color": style.COLOURS[5] if only else look["color"], "alpha": 0.8 if only else 0.35}
            for j, run in enumerate(group):
                left.plot(*series(run.of("train"), "loss"), linewidth=1, zorder=1, **faint,
                          label="training" if only and j == 0 else None)
            band(left, [series(run.of("valid"), "loss") for run in group], look, label)
            if goal != "loss":
                band(right, [scaled(series(run.of("valid"), goal), goal) for run in group], look, label)
        notes += left_out + [f"{run.folder} has no validation yet" for run in runs if not run.of("valid")]
        self._baselines(left, right, runs, goal, notes)
        left.set_title(style.plain(_title(groups), 48), fontsize=11)
        style.caption(figure, _about(runs))
        return Drawing(figure, notes)

    def _baselines(self, left: Any, right: Any, runs: list[SavedRun], goal: str, notes: list[str]) -> None:
        """The memoryless guesser's loss and metric, and axes to match."""
        tasks = {str(run.tables.get("task")) for run in runs}
        baseline = runs[0].baseline if len(tasks) == 1 else {}
        if len(tasks) > 1:
            notes.append("the runs are of different tasks, so there is no common baseline")
        notes += [text for text in runs[0].missing if text.startswith("the baseline")]
        for ax, name in ((left, "loss"), (right, goal)):
            if name in baseline and (ax is left or goal != "loss"):
                ax.axhline(percent(baseline[name], name), **style.CHANCE, label="no memory", zorder=0)
            ax.set(xlabel="updates", ylabel=axis(name, runs[0]))
            style.whole(ax, "x")
            if ax is left or len(by_seed(runs)) == 1:
                style.legend(ax)
        if goal == "accuracy":
            right.set_ylim(0, 103)
        elif goal == "loss":
            right.remove()


def band(ax: Any, lines: list[tuple[list[int], list[float]]], look: dict[str, Any], label: str) -> None:
    """One line for several seeds: mean and range at the updates that all have; a dot where there is one point."""
    lines = [(steps, values) for steps, values in lines if steps]
    if not lines:
        return
    marker = "o" if max(len(steps) for steps, _ in lines) <= 40 else None
    if len(lines) == 1:
        ax.plot(*lines[0], marker=marker, ms=3, label=label, **look)
        return
    for steps, values in lines:
        ax.plot(steps, values, **{**look, "linewidth": 0.7}, alpha=0.4)
    common = sorted(set.intersection(*(set(steps) for steps, _ in lines)))
    if not common:
        ax.plot([], [], label=label, **look)
        return
    table = np.array([[dict(zip(steps, values, strict=True))[s] for s in common] for steps, values in lines])
    ax.plot(common, table.mean(axis=0), marker=marker, ms=3, label=label, **look)
    ax.fill_between(common, table.min(axis=0), table.max(axis=0), color=look["color"], alpha=0.18, linewidth=0)


def percent(value: float, name: str) -> float:
    return 100 * value if name == "accuracy" else value


def scaled(line: tuple[list[int], list[float]], name: str) -> tuple[list[int], list[float]]:
    return line[0], [percent(value, name) for value in line[1]]


def axis(name: str, run: SavedRun) -> str:
    """A metric as an axis says it, with its unit."""
    if name == "accuracy":
        return "accuracy (%)"
    if name == "loss":
        squared = run.task is not None and "squared" in run.task.loss
        return "loss (mean squared error)" if squared else "loss (nats)" if run.task is not None else "loss"
    return {"bpc": "bits per character"}.get(name, name.replace("_", " "))


def _has(run: SavedRun) -> bool:
    return any(series(run.of(split), "loss")[0] for split in ("train", "valid"))


def _title(groups: list[list[SavedRun]]) -> str:
    """The run; or the task and the model of its seeds; or the task of all; or how many they are."""
    if len(groups) == 1 and len(groups[0]) == 1:
        return groups[0][0].title
    names = {(str(run.get("task", "name")), str(run.get("model", "name"))) for group in groups for run in group}
    if len(names) == 1:
        return ", ".join(filter(None, names.pop())) or f"{len(groups[0])} runs"
    tasks = {task for task, _ in names}
    return tasks.pop() if len(tasks) == 1 else f"{sum(map(len, groups))} runs"


def _about(runs: list[SavedRun]) -> str:
    names = ", ".join(run.name for run in runs[:6]) + (", ..." if len(runs) > 6 else "")
    bands = " Bands: smallest to largest of the seeds." if len(by_seed(runs)) < len(runs) else ""
    return f"{names}: up to update {max(run.step for run in runs):,}.{bands}"
