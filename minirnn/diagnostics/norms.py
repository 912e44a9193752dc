"""Norms that span hundreds of orders of magnitude, and what is reported of them over examples."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def norm(x: Array, axis: int | None = None) -> Array:
    """(Σ |x|²)^½ over an axis or over all, as m ‖x/m‖ with m the largest |entry|.

    Squared as they are, entries below 1e-162 would be lost, the square root of where double precision ends.
    """
    m = np.max(np.abs(x), axis=axis, keepdims=True)
    return np.sum(m * np.linalg.norm(x / np.where(m > 0, m, 1), axis=axis, keepdims=True), axis=axis)


def over_examples(norms: np.ndarray) -> dict[str, list[float]]:
    """{"mean", "min", "max"} of norms (T + 1, B) over B. The mean is geometric, e^(mean of ln): that of a logarithmic
    axis. One zero makes it zero.
    """
    with np.errstate(divide="ignore", invalid="ignore"):            # ln 0 = −∞
        mean = np.exp(np.mean(np.log(norms), axis=-1))
    return {"mean": mean.tolist(), "min": norms.min(axis=-1).tolist(), "max": norms.max(axis=-1).tolist()}
