"""What is left of a network's accuracy when its input or its recurrent matrix is perturbed, by size."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.curves import axis, percent
from minirnn.figures.labels import labels
from minirnn.saved_run import SavedRun

EXAMPLES = 64
INPUT = {"noise": "Gaussian noise", "fgsm": "FGSM", "pgd": "PGD"}
WEIGHTS = {"weights_random": "random ΔW", "weights": "worst ΔW to first order"}


class Robustness(Figure):
    """Two panels per run: perturbed inputs, and a perturbed W. The thin line is the unperturbed network."""

    summary = "accuracy under noise, FGSM and PGD on the input, and under ‖ΔW‖₂ = ε"
    needs = "a checkpoint, and the data of the task"
    sources = ("goodfellow2015, sec. 4", "madry2018, sec. 2.1")

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._measure)
        names, left_out = labels([run for run, _ in found])
        figure, axes = style.panels(2 * len(found), 2, self.stacked, (5.0, 3.4))
        for k, (name, (run, measured)) in enumerate(zip(names, found, strict=True)):
            metric = run.goal if run.goal in measured["clean"] else "loss"
            for ax, kinds in ((axes[2 * k], INPUT), (axes[2 * k + 1], WEIGHTS)):
                _lines(ax, measured, kinds, metric)
                ax.set_ylabel(axis(metric, run))
                style.legend(ax)
            axes[2 * k].set(xlabel="ε, on every entry of the input", title=style.plain(name, 48))
            axes[2 * k + 1].set(xlabel=f"ε = ‖ΔW‖₂, of {self.layer}")
        said = f"{EXAMPLES} sequences of the validation split at most; symbols are perturbed as the encoder's vectors."
        style.caption(figure, f"{said} {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _measure(self, run: SavedRun) -> dict[str, Any]:
        from minirnn.diagnostics.robustness import Robustness as Measured

        return run.measure(Measured(examples=EXAMPLES), self.layer, EXAMPLES)


def _lines(ax: Any, measured: dict[str, Any], kinds: dict[str, str], metric: str) -> None:
    for k, (kind, label) in enumerate(kinds.items()):
        found = measured[kind]
        values = np.array(found[metric], dtype=float)               # null, what is not finite, is nan
        ax.semilogx(found["eps"], [percent(x, metric) for x in values], marker="o", ms=4, label=label, **style.line(k))
    ax.axhline(percent(measured["clean"][metric], metric), color="0.45", linewidth=1, zorder=0, label="unperturbed")
    if metric == "accuracy":
        ax.set_ylim(0, 103)
