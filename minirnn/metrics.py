"""Metrics: what a prediction is worth, as (sum, count) so that a corpus is aggregated as Σ sum / Σ count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


def accuracy(prediction: Array, batch: Any) -> tuple[Array, Array]:
    """Correct classes among the unmasked positions.  prediction (K, B, classes), batch.y (K, B)."""
    correct = np.argmax(prediction, axis=-1) == batch.y
    if batch.mask is None:
        return np.sum(correct), correct.size
    return np.sum(correct * batch.mask), np.sum(batch.mask)


def accuracy_of_last(steps: int):
    """Accuracy over the last `steps` positions only: copy's T + 10 blanks would hide the ten symbols that matter."""

    def last_accuracy(prediction: Array, batch: Any) -> tuple[Array, Array]:
        correct = np.argmax(prediction[-steps:], axis=-1) == batch.y[-steps:]
        return np.sum(correct), correct.size

    return last_accuracy


def squared_error(prediction: Array, batch: Any) -> tuple[Array, Array]:
    """Squared error per number.  prediction and batch.y (K, B, m)."""
    return np.sum((prediction - batch.y) ** 2), prediction.size


def score(name: str, value: float) -> str:
    """A loss or metric as a reader sees it: accuracies in percent, everything else in four digits."""
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4g}"


def perplexity(nats: float) -> float:
    """e^L of a mean cross-entropy L: as uncertain as a uniform choice among so many. Bounded, to be a number."""
    return math.exp(min(nats, 700.0))


def bits(nats: float) -> float:
    """L / ln 2: a mean cross-entropy in bits per symbol."""
    return nats / math.log(2)
