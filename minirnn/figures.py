"""Pictures. matplotlib is an extra, imported when the first one is drawn; colours are told apart by everyone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minirnn.checkpoint import replace
from minirnn.errors import UsageError

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")   # [okabe2008]
DASHES = ("-", "--", ":", "-.")
CHANCE = {"color": "0.45", "linewidth": 1, "linestyle": (0, (1, 1.5))}


def available() -> bool:
    """Whether matplotlib can be imported."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def curves(records: list[dict[str, Any]], baseline: dict[str, float], goal: str, title: str, path: Path) -> None:
    """Loss (training and validation) and the goal metric of one run against the step, with the memoryless baseline."""
    figure, axes = _axes(2)
    train = [r for r in records if r["split"] == "train" and "loss" in r]
    valid = [r for r in records if r["split"] == "valid"]
    axes[0].plot([r["step"] for r in train], [r["loss"] for r in train], color=COLOURS[5], label="training")
    steps = [r["step"] for r in valid]
    axes[0].plot(steps, [r["loss"] for r in valid], "o-", ms=3, color=COLOURS[0], label="validation")
    axes[0].axhline(baseline["loss"], **CHANCE, label="no memory")
    axes[0].set(xlabel="updates", ylabel="loss", title=title)
    percent = 100 if goal == "accuracy" else 1
    axes[1].plot(steps, [percent * r[goal] for r in valid], "o-", ms=3, color=COLOURS[0], label="validation")
    axes[1].axhline(percent * baseline[goal], **CHANCE, label="no memory")
    axes[1].set(xlabel="updates", ylabel=f"{goal} (%)" if percent == 100 else goal)
    if goal == "accuracy":
        axes[1].set_ylim(0, 103)
    for ax in axes:
        ax.legend(frameon=False)
    _save(figure, path)


def comparison(
    accuracy: dict[str, list[tuple[int, float]]], norms: dict[str, Any], chance: float, title: str, path: Path
) -> None:
    """Several models: validation accuracy against the update, and ‖∂h_T/∂h_t‖_F against t before and after training.

    accuracy   label -> [(step, accuracy)]
    norms      label -> (T + 1, B), after training
    """
    figure, axes = _axes(2)
    for k, (label, points) in enumerate(accuracy.items()):
        style = {"color": COLOURS[k], "linestyle": DASHES[k], "linewidth": 1.8}
        axes[0].plot([s for s, _ in points], [100 * a for _, a in points], label=label, **style)
        values = np.maximum(norms[label].astype(float), 1e-38)
        t = np.arange(len(values))
        axes[1].semilogy(t, np.exp(np.mean(np.log(values), axis=1)), label=label, **style)
        axes[1].fill_between(t, values.min(axis=1), values.max(axis=1), color=COLOURS[k], alpha=0.15, linewidth=0)
    axes[0].axhline(100 * chance, **CHANCE)
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
    axes[0].annotate("chance", (1, 100 * chance), color="0.35", **where)
    axes[0].set(xlabel="updates", ylabel="accuracy on unseen sequences (%)", title=title, ylim=(0, 103))
    axes[1].set(xlabel="time step t", ylabel=r"$\Vert\partial h_T/\partial h_t\Vert_F$")
    axes[1].set_title("gradient norm after training")
    axes[1].set_ylim(bottom=max(1e-16, axes[1].get_ylim()[0]))
    axes[0].legend(frameon=False, loc="center right")
    _save(figure, path)


def _axes(count: int) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib: pip install 'minirnn[plot]'") from None
    figure = Figure(figsize=(5.2 * count, 3.7), layout="constrained")
    axes = figure.subplots(1, count)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    replace(path, lambda file: figure.savefig(file, format=path.suffix[1:], dpi=150))
