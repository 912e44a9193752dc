"""Many runs, one line each, named by what differs between their configurations."""

from __future__ import annotations

from typing import Any

from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.curves import axis, percent, scaled
from minirnn.figures.labels import labels
from minirnn.saved_run import SavedRun, series


class Comparison(Figure):
    """Validation loss and goal metric of each run; a legend of differences."""

    summary = "validation loss and accuracy of many runs, one line each, labelled by what differs"
    needs = "runs with at least one validation"

    def draw(self, runs: list[SavedRun]) -> Drawing:
        drawn = [run for run in runs if series(run.of("valid"), "loss")[0]]
        notes = [f"{run.folder} has no validation yet" for run in runs if run not in drawn]
        if not drawn:
            raise UsageError(f"nothing to draw: {notes[0]}")
        names, left_out = labels(drawn)
        goals = list(dict.fromkeys(run.goal for run in drawn if run.goal != "loss"))[:2]
        figure, axes = style.panels(1 + len(goals), 3, self.stacked)
        for k, (run, name) in enumerate(zip(drawn, names, strict=True)):
            steps = series(run.of("valid"), "loss")
            look = {**style.line(k), "marker": "o" if len(steps[0]) <= 40 else None, "ms": 3}
            for ax, metric in zip(axes, ("loss", *goals), strict=True):
                ax.plot(*scaled(series(run.of("valid"), metric), metric), **look, label=style.plain(name, 44))
        baselines = [run.baseline for run in drawn]
        for ax, metric in zip(axes, ("loss", *goals), strict=True):
            values = {baseline[metric] for baseline in baselines if metric in baseline}
            for k, value in enumerate(sorted(values)):
                ax.axhline(percent(value, metric), **style.CHANCE, label=None if k else "no memory", zorder=0)
            if len(values) > 1:
                notes.append(f"{metric} has {len(values)} baselines, one for each task")
            ax.set(xlabel="updates", ylabel=f"validation {axis(metric, drawn[0])}")
            style.whole(ax, "x")
            if metric == "accuracy":
                ax.set_ylim(0, 103)
        if len(drawn) <= 4:
            style.legend(axes[-1])
        else:
            handles, texts = axes[0].get_legend_handles_labels()
            place: dict[str, Any] = {"loc": "outside right upper"}
            if self.stacked:
                place = {"loc": "outside upper center", "ncols": 2}
            figure.legend(handles, texts, frameon=False, fontsize=8, **place)
        style.caption(figure, "Runs: " + ", ".join(run.name for run in drawn))
        missing = [text for run in drawn for text in run.missing if text.startswith("the baseline")]
        return Drawing(figure, [*notes, *left_out, *dict.fromkeys(missing)])
