"""Vorontsov et al., Figure 3: how the singular values spread while training, by spectral margin."""

from __future__ import annotations

from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.figures.spectrum import EVOLUTION, evolution
from minirnn.saved_run import SavedRun


class VorontsovFigure3(Figure):
    """Mean, deviation, smallest and largest singular value of W against the update, one panel per margin."""

    summary = "the figure of the singular values over the updates, for four margins, none, and a free W"
    needs = "runs with --watch spectrum on MNIST; made by --train in minutes"
    sources = ("vorontsov2017, Figure 3",)
    recipe = {
        name: f"--preset vorontsov-table-2/{name} --scale quick --watch spectrum --watch-every 25"
        for name in ("margin-0.001", "margin-0.01", "margin-0.1", "margin-1", "none", "glorot")
    }

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, lambda run: run.checked(self.watched(run, "spectrum"), **EVOLUTION))
        names, left_out = labels([run for run, _ in found])
        figure, axes = style.panels(len(found), 3, self.stacked, (4.0, 3.1))
        for k, (ax, name, (_, records)) in enumerate(zip(axes, names, found, strict=True)):
            evolution(ax, records)
            ax.set_title(style.plain(name, 40), fontsize=10)
            if k:
                ax.get_legend().remove()
        for ax in axes if self.stacked else axes[::3]:
            ax.set_ylabel("singular values of W")
        tasks = {str(run.get("task", "name")) for run, _ in found}
        style.caption(figure, f"{', '.join(sorted(tasks))}, layer {self.layer}. {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)
