"""‖∂h_T/∂h_t‖_F over time and training, from what a run watched."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from minirnn.figures import heatmap, style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.saved_run import SavedRun


class GradientFlow(Figure):
    """One image per run, time upwards and updates to the right, in one scale of colours; the mean of the examples."""

    summary = "gradient norms ‖∂h_T/∂h_t‖_F, time by update, as a heatmap"
    needs = "runs with --watch gradient-flow"
    sources: ClassVar[tuple[str, ...]] = ("vorontsov2017, Figure 2", "chu, sec. 7")
    diagnostic, field = "gradient-flow", "fro_mean"
    label = r"$\Vert\partial h_T/\partial h_t\Vert_F$"

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._read)
        names, left_out = labels([run for run, _ in found])
        low, high = heatmap.limits([values for _, (_, _, values) in found])
        figure, axes = style.panels(len(found), 3, self.stacked, (4.4, 3.5))
        for ax, name, (_, (steps, t, values)) in zip(axes, names, found, strict=True):
            image = heatmap.draw(ax, steps, t, values, low, high)
            ax.set_title(style.plain(name, 44), fontsize=10)
        heatmap.bar(figure, image, axes, self.label)
        said = f"Layer {self.layer}; geometric mean over the watched sequences. {style.sources(self.sources)}"
        style.caption(figure, f"{', '.join(run.name for run, _ in found)}. {said}")
        return Drawing(figure, notes + left_out)

    def _read(self, run: SavedRun) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        records = run.checked(self.watched(run, self.diagnostic), t="numbers", **{self.field: "norms"})
        return heatmap.table(records, self.field)
