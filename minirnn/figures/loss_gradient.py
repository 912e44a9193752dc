"""‖∂L/∂h_t‖ over time: over training too where it was watched, else at the checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.gradient_flow import GradientFlow
from minirnn.figures.labels import labels
from minirnn.saved_run import SavedRun

EXAMPLES = 16


class LossGradient(Figure):
    """How much of the loss's gradient arrives at an early step: an image per watched run, or a line per checkpoint."""

    summary = "gradient norms ‖∂L/∂h_t‖ of the loss, time by update or at the checkpoint"
    needs = "runs with --watch loss-gradient; or any checkpoint, then as lines"
    sources = ("vorontsov2017, Figure 2",)

    def draw(self, runs: list[SavedRun]) -> Drawing:
        if any(run.watched("loss-gradient", self.layer) for run in runs):
            return _Watched(self.layer, self.stacked).draw(runs)
        found, notes = self.collect(runs, self._measure)
        names, left_out = labels([run for run, _ in found])
        figure, (ax,) = style.panels(1, size=(6.4, 4.0))
        for k, ((_, measured), name) in enumerate(zip(found, names, strict=True)):
            mean, low, high = (_positive(measured[key]) for key in ("mean", "min", "max"))
            t = measured["t"]
            ax.semilogy(t, mean, label=style.plain(name, 44), **style.line(k))
            ax.fill_between(t, low, high, color=style.line(k)["color"], alpha=0.15, linewidth=0)
        ax.set(xlabel="time step t", ylabel=r"$\Vert\partial L/\partial h_t\Vert_2$ per sequence")
        style.whole(ax, "x")
        style.legend(ax)
        said = f"Layer {self.layer}, {EXAMPLES} sequences of the validation split; bands: smallest to largest."
        style.caption(figure, f"{said} {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _measure(self, run: SavedRun) -> dict[str, Any]:
        from minirnn.diagnostics.loss_gradient import LossGradient as Measured

        return run.measure(Measured(EXAMPLES), self.layer, EXAMPLES)


class _Watched(GradientFlow):
    diagnostic, field = "loss-gradient", "mean"
    label = r"$\Vert\partial L/\partial h_t\Vert_2$"
    sources = LossGradient.sources


def _positive(values: list[float]) -> np.ndarray:
    """The values, without exact zeros: they have no place on a logarithmic axis."""
    array = np.asarray(values, dtype=float)
    return np.where(array > 0, array, np.nan)
