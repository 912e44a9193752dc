"""Chu, Figures 7 to 12: the norm of ∂h_T/∂h_1 while training, orthogonal and vanilla, by activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.saved_run import Records, SavedRun

LEAST = 1e-16


class ChuGradientNorms(Figure):
    """Left: ‖∂h_T/∂h_1‖_F against the update. Right: ‖∂h_T/∂h_t‖_F against t, at the last update that was watched.

    Lines are geometric means over the watched sequences, bands reach from the smallest to the largest. The thin line is
    √n, where an orthogonal W with f = |x| stays exactly.
    """

    summary = "the figures of ‖∂h_T/∂h_1‖_F while training: orthogonal and vanilla networks, |x| and ReLU"
    needs = "runs with --watch gradient-flow on words; made by --train in minutes"
    sources = ("chu, sec. 7", "chu, Table 6")
    recipe = {
        name: f"--preset chu-table-6/{name} --scale quick --set model.hidden_size=100 --watch gradient-flow "
              "--watch-every 10"
        for name in ("urnn-abs", "urnn-relu", "rnn-abs", "rnn-relu")
    }

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._read)
        names, left_out = labels([run for run, _ in found])
        figure, (left, right) = style.panels(2, stacked=self.stacked, size=(5.4, 4.0))
        lowest = 1.0
        for k, (name, (_, records)) in enumerate(zip(names, found, strict=True)):
            steps, last = [record["step"] for record in records], records[-1]
            lines = (
                (left, steps, [[record[key][1] for record in records] for key in FIELDS]),
                (right, last["t"], [last[key] for key in FIELDS]),
            )
            for ax, x, values in lines:
                mean, low, high = np.maximum(np.array(values, dtype=float), LEAST)
                ax.semilogy(x, mean, label=style.plain(name, 40), **style.line(k))
                ax.fill_between(x, low, high, color=style.line(k)["color"], alpha=0.15, linewidth=0)
                lowest = min(lowest, float(np.nanmin(mean)))
        for size in sorted({_width(run) for run, _ in found} - {0}):
            for ax in (left, right):
                ax.axhline(np.sqrt(size), color="0.6", linewidth=0.8, zorder=0)
            note: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
            left.annotate(rf"$\sqrt{{{size}}}$", (1, np.sqrt(size)), fontsize=8, color="0.35", **note)
        left.set(xlabel="updates", ylabel=r"$\Vert\partial h_T/\partial h_1\Vert_F$")
        last_steps = sorted({records[-1]["step"] for _, records in found})
        right.set(xlabel="time step t", ylabel=r"$\Vert\partial h_T/\partial h_t\Vert_F$",
                  title=f"at update {', '.join(f'{s:,}' for s in last_steps)}")
        for ax in (left, right):
            ax.set_ylim(bottom=max(LEAST, lowest / 10))
            style.whole(ax, "x")
        style.legend(left)
        tasks = ", ".join(sorted({str(run.get("task", "name")) for run, _ in found}))
        T = found[0][1][-1]["t"][-1]
        style.caption(figure, f"{tasks}, T = {T}, layer {self.layer}; exact Jacobians on "
                              f"{found[0][1][-1]['examples']} sequences. {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _read(self, run: SavedRun) -> Records:
        norms = dict.fromkeys(FIELDS, "norms")
        found = run.checked(self.watched(run, "gradient-flow"), t="numbers", examples="number", **norms)
        records = [record for record in found if len(record["t"]) > 1]
        if not records:
            raise UsageError(f"{run.folder} watched sequences of no step; there is no ∂h_T/∂h_1")
        return records


FIELDS = "fro_mean", "fro_min", "fro_max"


def _width(run: SavedRun) -> int:
    size = run.get("model", "hidden_size", 0)
    return size if isinstance(size, int) else 0
