"""Adding: find two marked numbers far apart and say their sum."""

from __future__ import annotations

import math

import numpy as np

from minirnn.errors import UsageError
from minirnn.metrics import squared_error
from minirnn.tasks.base import Batch, Task, whole_number

MARKERS = {"halves": 0, "scornn": 1}        # the first part has ⌊(T − this)/2⌋ steps


class Adding(Task):
    """Add the two marked numbers of a sequence.  [hochreiter1997, experiment 4; layout of arjovsky2016, section 4.2]

        x_t   (v_t, m_t)         v_t uniform in [0, 1); m_t is 1 at two steps, else 0
        y     Σ_t m_t v_t        (1, B, 1), read at the last step

    One mark is uniform in the first part, 0 .. c − 1, the other in the second, c .. T − 1. The best constant answer
    is 1; its squared error is the variance of a sum of two uniform numbers, 1/6.

        halves   c = ⌊T/2⌋          [arjovsky2016; vorontsov2017, section 3]
        scornn   c = ⌊(T − 1)/2⌋    one less for even T; in the authors' released program  [helfrich2018]

    length   T, the steps of a sequence
    markers  halves or scornn: where the first part ends
    """

    summary = "add the two marked numbers of a sequence"
    source = "hochreiter1997, experiment 4; arjovsky2016, section 4.2"
    symbols = False
    n_in = 2
    n_out = 1
    read_last = 1
    loss = "mean-squared-error"
    metrics = {"mse": squared_error}
    goal = ("mse", "fall")
    evaluation_size = 2_000

    def __init__(self, length: int = 100, markers: str = "halves"):
        if markers not in list(MARKERS):
            choices = ", ".join(MARKERS)
            raise UsageError(f"markers must be one of {choices} (got {markers!r}); set markers to one of them")
        less = MARKERS[markers]
        self.length = whole_number("length", length, 2 + less, "each part of the sequence holds one mark")
        self.cut = (self.length - less) // 2
        self.suggested = {
            "model": {"name": "lstm", "hidden_size": 64},
            "optimizer": {"rule": "adam", "lr": 3e-3},
            "train": {"batch_size": 50, "steps": 5_000, "evaluate_every": 250, "stop_at": 0.01},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        rng = self.generator(split, seed, step)
        T, rows = self.length, np.arange(batch_size)
        first, second = rng.integers(0, self.cut, batch_size), rng.integers(self.cut, T, batch_size)
        x = np.zeros((T, batch_size, 2), dtype=np.float32)
        x[:, :, 0] = rng.random((T, batch_size), dtype=np.float32)
        x[first, rows, 1] = x[second, rows, 1] = 1
        return Batch(x, (x[first, rows, 0] + x[second, rows, 0])[None, :, None])

    def batches(self, split: str, batch_size: int) -> int:
        return math.ceil(self.evaluation_size / batch_size)

    def baseline(self) -> dict[str, float]:
        return {"loss": 1 / 6, "mse": 1 / 6}
