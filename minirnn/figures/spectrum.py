"""Singular values of W over training, and its eigenvalues in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.saved_run import Records, SavedRun

EVOLUTION = dict.fromkeys([f"singular_{key}" for key in ("mean", "std", "min", "max")], "number")
MEAN, LOW, HIGH = style.COLOURS[2], style.COLOURS[1], style.COLOURS[0]


class Spectrum(Figure):
    """Two panels per run: mean, deviation, smallest and largest singular value; eigenvalues beside the unit circle.

    A run that did not watch its spectrum is measured at its checkpoint: then the singular values stand in order.
    """

    summary = "singular values of W over the updates, and its eigenvalues beside the unit circle"
    needs = "runs with --watch spectrum; or any checkpoint, then without the updates"
    sources = ("vorontsov2017, Figure 3",)

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._read)
        names, left_out = labels([run for run, _ in found])
        figure, axes = style.panels(2 * len(found), 2, self.stacked, (5.0, 3.6))
        for k, (name, (run, records)) in enumerate(zip(names, found, strict=True)):
            left, right = axes[2 * k], axes[2 * k + 1]
            if len(records) > 1:
                evolution(left, records)
                left.set_ylabel("singular values of W")
            else:
                notes.append(f"{run.name} was measured once; training with --watch spectrum draws the way there")
                _sorted(left, records[0])
            left.set_title(style.plain(name, 48), fontsize=10)
            eigenvalues(right, records[-1])
            right.set_title(f"eigenvalues at update {records[-1]['step']:,}", fontsize=10)
        style.caption(figure, f"Layer {self.layer}. {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _read(self, run: SavedRun) -> Records:
        from minirnn.diagnostics.spectrum import Spectrum as Measured

        if records := run.watched("spectrum", self.layer):
            return run.checked(records, **EVOLUTION, singular_values="numbers", eigenvalues="pairs")
        return [{"step": run.trainer.step, **run.measure(Measured(), self.layer)}]


def evolution(ax: Any, records: Records) -> None:
    """Largest, mean ± deviation, and smallest singular value against the update."""
    steps = [record["step"] for record in records]
    mean, std, low, high = (np.array([record[key] for record in records]) for key in EVOLUTION)
    ax.plot(steps, high, color=HIGH, linewidth=1.5, linestyle="--", label="largest")
    ax.plot(steps, mean, color=MEAN, linewidth=1.8, label="mean")
    ax.fill_between(steps, mean - std, mean + std, color=MEAN, alpha=0.25, linewidth=0, label="± deviation")
    ax.plot(steps, low, color=LOW, linewidth=1.5, linestyle=":", label="smallest")
    if high.max() - low.min() < 1e-3:                               # an orthogonal W: not the rounding errors' zigzag
        ax.set_ylim(min(0.99, low.min() - 0.01), max(1.01, high.max() + 0.01))
    ax.ticklabel_format(axis="y", useOffset=False)
    ax.set(xlabel="updates")
    style.whole(ax, "x")
    style.legend(ax)


def eigenvalues(ax: Any, record: dict[str, Any]) -> None:
    """Eigenvalues beside the unit circle, one unit as long upwards as to the right."""
    angle = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(angle), np.sin(angle), color="0.45", linewidth=1, label="unit circle")
    values = np.array(record["eigenvalues"])
    ax.plot(values[:, 0], values[:, 1], ".", color=style.COLOURS[0], ms=5, label="eigenvalues of W")
    ax.set_aspect("equal")
    reach = 1.1 * max(1.0, float(np.abs(values).max(initial=0)))
    ax.set(xlabel="real part", ylabel="imaginary part", xlim=(-reach, reach), ylim=(-reach, reach))


def _sorted(ax: Any, record: dict[str, Any]) -> None:
    values = record["singular_values"]
    ax.plot(np.arange(1, len(values) + 1), values, ".-", color=HIGH, ms=4, linewidth=1)
    ax.axhline(1, color="0.45", linewidth=1)
    low, high = min(values), max(values)
    if high - low < 1e-3:
        ax.set_ylim(min(0.99, low - 0.01), max(1.01, high + 0.01))
    ax.set(xlabel="index", ylabel="singular values of W")
    style.whole(ax, "x")
