"""The picture of `minirnn demo`: who learns, and what its gradients do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minirnn.figures import style


def demo(
    accuracy: dict[str, list[tuple[int, float]]], norms: dict[str, Any], chance: float, title: str, path: Path
) -> None:
    """Several models: validation accuracy against the update, and ‖∂h_T/∂h_t‖_F against t after training.

    accuracy   label -> [(step, accuracy)]
    norms      label -> (T + 1, B), after training
    """
    figure, axes = style.panels(2)
    for k, (label, points) in enumerate(accuracy.items()):
        look = {"color": style.COLOURS[k], "linestyle": style.DASHES[k], "linewidth": 1.8}
        axes[0].plot([s for s, _ in points], [100 * a for _, a in points], label=label, **look)
        values = np.maximum(norms[label].astype(float), 1e-38)
        t = np.arange(len(values))
        axes[1].semilogy(t, np.exp(np.mean(np.log(values), axis=1)), label=label, **look)
        axes[1].fill_between(t, values.min(axis=1), values.max(axis=1), color=look["color"], alpha=0.15, linewidth=0)
    axes[0].axhline(100 * chance, **style.CHANCE)
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
    axes[0].annotate("chance", (1, 100 * chance), color="0.35", **where)
    axes[0].set(xlabel="updates", ylabel="accuracy on unseen sequences (%)", title=title, ylim=(0, 103))
    axes[1].set(xlabel="time step t", ylabel=r"$\Vert\partial h_T/\partial h_t\Vert_F$")
    axes[1].set_title("gradient norm after training")
    axes[1].set_ylim(bottom=max(1e-16, axes[1].get_ylim()[0]))
    axes[0].legend(frameon=False, loc="center right")
    style.save(figure, path)
