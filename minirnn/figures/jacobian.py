"""‖∂h_T/∂h_t‖_F against t at a checkpoint, between the bounds of the theorem."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.labels import labels
from minirnn.saved_run import SavedRun

EXAMPLES = 4
LEAST = 1e-16


class Jacobian(Figure):
    """Exact norms on sequences of the validation split, with σ_min, σ_max bounds and those that the source prints.

    One panel per run. The band is from the smallest to the largest sequence, the line their geometric mean. Bounds
    that are not defined for a cell are left out, and the reason is said.
    """

    summary = "gradient norms ‖∂h_T/∂h_t‖_F at the checkpoint, with the bounds drawn in"
    needs = "a checkpoint"
    sources = ("chu, Theorem 1", "chu, Table 6")

    def draw(self, runs: list[SavedRun]) -> Drawing:
        found, notes = self.collect(runs, self._measure)
        names, left_out = labels([run for run, _ in found])
        figure, axes = style.panels(len(found), 3, self.stacked)
        for ax, name, (run, (flow, bounds)) in zip(axes, names, found, strict=True):
            ax.set_title(style.plain(name, 48), fontsize=10)
            if isinstance(bounds, str):
                notes.append(f"{run.name}: no bounds, {bounds}")
                bounds = {}
            _norms(ax, flow)
            _frame(ax, flow)
            _bounds(ax, bounds)
            style.legend(ax, fontsize=8)
        examples = found[0][1][0].get("examples", EXAMPLES)
        said = f"Layer {self.layer}, exact Jacobians, {examples} sequences of the validation split."
        style.caption(figure, f"{said} {style.sources(self.sources)}")
        return Drawing(figure, notes + left_out)

    def _measure(self, run: SavedRun) -> tuple[dict[str, Any], dict[str, Any] | str]:
        from minirnn.diagnostics.bounds import Bounds
        from minirnn.diagnostics.gradient_flow import GradientFlow

        flow = run.measure(GradientFlow(EXAMPLES), self.layer, EXAMPLES)
        try:
            return flow, run.measure(Bounds(EXAMPLES), self.layer, EXAMPLES)
        except UsageError as error:
            return flow, str(error)


def _norms(ax: Any, flow: dict[str, Any]) -> None:
    look = {**style.line(0), "linewidth": 3.2}
    mean, low, high = (np.maximum(np.asarray(flow[key], dtype=float), LEAST / 10) for key in
                       ("fro_mean", "fro_min", "fro_max"))
    ax.semilogy(flow["t"], mean, label="measured", **look)
    ax.fill_between(flow["t"], low, high, color=look["color"], alpha=0.2, linewidth=0)


def _bounds(ax: Any, bounds: dict[str, Any]) -> None:
    """The two that hold, and the two that are printed where they differ from those."""
    shown = (
        ("upper", "upper bound, by σ_max", "#D55E00", "--"), ("lower", "lower bound, by σ_min", "#D55E00", ":"),
        ("lower_by_data", "lower bound, by determinants", "#009E73", "-."),
        ("printed_upper", "upper, as printed", "0.4", "--"), ("printed_lower", "lower, as printed", "0.4", ":"),
    )
    for key, label, colour, dash in shown:
        if bounds.get(key) is None:
            continue
        values = np.array(bounds[key], dtype=float)                 # null, what left the range of numbers, is nan
        holds = bounds.get(key.removeprefix("printed_"))
        if key.startswith("printed") and holds is not None and np.allclose(values, np.array(holds, dtype=float)):
            continue
        values, seen = np.where(values > 0, values, np.nan), ax.get_ylim()
        if len(values) > 1 and np.all(np.isnan(values[:-1])):       # at t = T every bound is ‖I‖
            label += ": 0"
        elif len(values) > 1 and not np.any((values[:-1] >= seen[0]) & (values[:-1] <= seen[1])):
            label += ", off the scale"
        ax.plot(bounds["t"], values, color=colour, linestyle=dash, label=label, linewidth=1.5)


def _frame(ax: Any, flow: dict[str, Any]) -> None:
    """The measured norms fill the axes, a bound far away does not squeeze them."""
    values = np.concatenate([np.asarray(flow[key], dtype=float) for key in ("fro_min", "fro_max")])
    values = np.log10(np.maximum(values[np.isfinite(values)], LEAST))
    room = max(0.8, 0.35 * float(np.ptp(values)))
    low, high = 10 ** (values.min() - room), 10 ** (values.max() + room)
    ax.set_ylim(low, high)
    style.decades(ax.yaxis, low, high)
    style.whole(ax, "x")
    ax.set(xlabel="time step t", ylabel=r"$\Vert\partial h_T/\partial h_t\Vert_F$")
