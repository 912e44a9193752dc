"""K-th largest: read N numbers, say the k-th largest of them."""

from __future__ import annotations

import math

import numpy as np

from minirnn.errors import UsageError
from minirnn.metrics import accuracy
from minirnn.tasks.base import Batch, Task, whole_number


class KthLargest(Task):
    """Say the k-th largest of N numbers, each uniform in 0 .. N − 1, ties counted apart.  [chu, experiment II]

        x   n₁ n₂ ... n_N                            (N, B) integers
        y   the k-th of them in falling order        (1, B), read at the last step

    The answer is at least v when k or more of the numbers are: P(y ≥ v) = P(Bin(N, (N − v)/N) ≥ k). This law is
    narrow, so whoever reads nothing and knows only the law has its entropy as loss, and is right as often as its most
    probable value comes: 13.62 % and 2.484 nats for N = 100, k = 10, where chance among N values is 1 %.

    length   N, how many numbers a sequence has, and how many different ones there are
    k        1 asks for the largest, N for the smallest
    """

    summary = "say the k-th largest of N numbers"
    source = "chu, experiment II"
    symbols = True
    read_last = 1
    loss = "softmax-cross-entropy"
    metrics = {"accuracy": accuracy}
    goal = ("accuracy", "rise")
    evaluation_size = 2_000

    def __init__(self, length: int = 100, k: int = 10):
        self.length = whole_number("length", length, 2, "a single number is its own answer")
        self.k = whole_number("k", k, 1, "k = 1 asks for the largest")
        if self.k > self.length:
            raise UsageError(f"k must be at most length, {length:,} (got {k:,}): there is no such number; lower k")
        self.n_in = self.n_out = self.length
        self.suggested = {
            "model": {"name": "urnn-exp", "hidden_size": 50, "embedding_size": 30, "activation": "relu"},
            "optimizer": {"rule": "adam", "lr": 1e-3},
            "train": {"batch_size": 100, "steps": 12_000, "evaluate_every": 500, "stop_at": 0.95},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        rng = self.generator(split, seed, step)
        x = rng.integers(0, self.length, (self.length, batch_size))
        place = self.length - self.k
        return Batch(x, np.partition(x, place, axis=0)[place : place + 1].copy())

    def batches(self, split: str, batch_size: int) -> int:
        return math.ceil(self.evaluation_size / batch_size)

    def law(self) -> np.ndarray:
        """(N,) the probability of each answer."""
        from scipy.special import bdtrc  # here: it would take as long as all that `minirnn list` needs

        N = self.length
        at_least = bdtrc(self.k - 1, N, (N - np.arange(N + 1)) / N)                 # P(y ≥ v), v = 0 .. N
        return np.clip(at_least[:-1] - at_least[1:], 0, 1)

    def baseline(self) -> dict[str, float]:
        p = self.law()
        seen = p[p > 0]
        entropy = float(-np.sum(seen * np.log(seen)))
        return {"loss": entropy, "accuracy": float(np.max(p)), "chance": 1 / self.length}
