"""Time × update as an image: what the watch records of a diagnostic say about every step of the sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.figures import style
from minirnn.saved_run import Records

FLOOR = 1e-16       # a norm below is drawn as this; the smallest normal number would take all colours


def table(records: Records, key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(updates (S,), time steps (T,), values (T, S)); not-a-number where a shorter sequence was watched."""
    steps = np.array([record["step"] for record in records])
    t = np.array(max((record["t"] for record in records), key=len))
    values = np.full((len(t), len(steps)), np.nan)
    for column, record in enumerate(records):
        values[: len(record[key]), column] = record[key]            # null, an exploded norm, is nan
    return steps, t, values


def draw(ax: Any, steps: np.ndarray, t: np.ndarray, values: np.ndarray, low: float, high: float) -> Any:
    """log10 of the values in colour, updates to the right, time upwards; returns the image, for a colour bar."""
    style.picture(ax)
    image = ax.pcolormesh(
        edges(steps), edges(t), np.log10(np.maximum(values, FLOOR)), cmap=style.IMAGE, vmin=low, vmax=high,
        rasterized=True,
    )
    ax.set(xlabel="updates", ylabel="time step t")
    style.whole(ax, "x", "y")
    return image


def bar(figure: Any, image: Any, axes: list[Any], label: str, extend: str = "neither") -> None:
    """A colour bar of log10 values: powers of ten, or plain numbers where there are less than two decades."""
    import matplotlib.ticker as ticker

    drawn = figure.colorbar(image, ax=axes, extend=extend, pad=0.02)
    drawn.set_label(label)
    narrow = image.norm.vmax - image.norm.vmin <= 2
    plain = [np.log10(digit) + power for power in range(-17, 309) for digit in (1, 2, 5)]
    shown = [x for x in plain if image.norm.vmin - 1e-9 <= x <= image.norm.vmax + 1e-9]
    drawn.ax.yaxis.set_major_locator(ticker.FixedLocator(shown) if narrow else ticker.MaxNLocator(6, integer=True))
    drawn.ax.yaxis.set_major_formatter(lambda x, _: f"{10**x:.3g}" if narrow else rf"$10^{{{x:.3g}}}$")


def limits(tables: list[np.ndarray], least: float = 1.0) -> tuple[float, float]:
    """log10 of the smallest and largest value of all pictures together, at least `least` decades apart."""
    values = np.concatenate([x.ravel() for x in tables])
    values = np.log10(np.maximum(values[np.isfinite(values)], FLOOR))
    low, high = (float(values.min()), float(values.max())) if values.size else (-1.0, 0.0)
    middle = (low + high) / 2
    return (low, high) if high - low >= least else (middle - least / 2, middle + least / 2)


def edges(centres: np.ndarray) -> np.ndarray:
    """The borders between points that need not be evenly spaced: (n,) -> (n + 1,)."""
    centres = np.asarray(centres, dtype=float)
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    inner = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - inner[0]], inner, [2 * centres[-1] - inner[-1]]])
