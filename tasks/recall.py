"""Recall: keep one number while many others go by."""

from __future__ import annotations

import math

import numpy as np

from minirnn.metrics import accuracy
from minirnn.tasks.base import Batch, Task, whole_number


class Recall(Task):
    """Recall the first of N numbers, each uniform in 0 .. M − 1.  [chu, experiment I]

        x   n₁ n₂ ... n_N        (N, B) integers
        y   n₁                   (1, B), read at the last step

    No number says anything about an earlier one, so without memory the loss is ln M and the accuracy 1/M.

    length   N, how many numbers a sequence has
    values   M, how many different numbers there are
    """

    summary = "recall the first of N numbers"
    source = "chu, experiment I"
    symbols = True
    read_last = 1
    loss = "softmax-cross-entropy"
    metrics = {"accuracy": accuracy}
    goal = ("accuracy", "rise")
    evaluation_size = 2_000

    def __init__(self, length: int = 50, values: int = 10):
        self.length = whole_number("length", length, 2, "the first number must be followed by others")
        self.values = whole_number("values", values, 2, "with a single value there is nothing to recall")
        self.n_in = self.n_out = self.values
        self.suggested = {
            "model": {"name": "urnn-exp", "hidden_size": 50, "embedding_size": 30},
            "optimizer": {"rule": "adam", "lr": 1e-3},
            "train": {"batch_size": 100, "steps": 4_000 + 100 * self.length, "evaluate_every": 100, "stop_at": 0.999},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        rng = self.generator(split, seed, step)
        x = rng.integers(0, self.values, (self.length, batch_size))
        return Batch(x, x[:1].copy())

    def batches(self, split: str, batch_size: int) -> int:
        return math.ceil(self.evaluation_size / batch_size)

    def baseline(self) -> dict[str, float]:
        return {"loss": float(np.log(self.values)), "accuracy": 1 / self.values}
