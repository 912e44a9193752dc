"""Vorontsov et al., Figure 2: how far back the loss's gradient travels while training, by spectral margin."""

from __future__ import annotations

import numpy as np

from minirnn.errors import UsageError
from minirnn.figures import heatmap, style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.saved_run import SavedRun

DECADES = 2.0       # of the colours: what is below 1 % of the largest norm of its update is as good as gone


class VorontsovFigure2(Figure):
    """‖∂L_T/∂h_t‖, L_T the loss at the last step, time upwards, updates to the right, one panel per margin.

    As in the source, norms are divided by the largest over time of the same update: what is shown is how they are
    spread over time, not how large they are.
    """

    summary = "the figure of the gradient of the last step's loss, time by update, for six spectral margins"
    needs = "runs with --watch loss-gradient; made by --train in minutes"
    sources = ("vorontsov2017, Figure 2",)
    recipe = {
        name: f"--preset vorontsov-figure-1/200-{name} --scale quick --steps 1000 --set train.stop_at=2 "
              "--watch loss-gradient --watch-every 20"
        for name in ("margin-0", "margin-0.001", "margin-0.01", "margin-0.1", "margin-1", "none")
    }

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._read)
        names, left_out = labels([run for run, _ in found])
        figure, axes = style.panels(len(found), 3, self.stacked, (3.9, 3.1))
        for ax, name, (_, (steps, t, values)) in zip(axes, names, found, strict=True):
            image = heatmap.draw(ax, steps, t, values / np.nanmax(values, axis=0), -DECADES, 0)
            ax.set_title(style.plain(name, 40), fontsize=10)
        heatmap.bar(figure, image, axes, r"$\Vert\partial L_T/\partial h_t\Vert_2$ / largest over t", extend="min")
        tasks = {str(run.get("task", "name")) for run, _ in found}
        said = f"{', '.join(sorted(tasks))}; geometric mean over the watched sequences, divided by the largest over t."
        style.caption(figure, f"{said} {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _read(self, run: SavedRun) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        records = [record for record in self.watched(run, "loss-gradient") if "last_mean" in record]
        if not records:
            raise UsageError(f"{run.folder} asks nothing at the last step of its watched sequences")
        return heatmap.table(run.checked(records, t="numbers", last_mean="norms"), "last_mean")
