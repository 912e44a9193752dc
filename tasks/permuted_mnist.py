"""Permuted MNIST: sequential MNIST with the pixels in one fixed random order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minirnn.errors import UsageError
from minirnn.tasks.base import Batch, whole_number
from minirnn.tasks.sequential_mnist import SequentialMnist

PUBLISHED = 92916
STEPS = {"pixels": 784, "pooled": 196}


class PermutedMnist(SequentialMnist):
    """Classify a 28 x 28 digit whose steps come in one fixed random order.  [le2015, section 4.2]

        x_t = (sequential MNIST's x)_π(t)        the same π for every image of every split

    π is drawn from `permutation_seed`, or it is the published one, NumPy's RandomState(92916).permutation(784), with
    which the full-capacity uRNN, scoRNN and expRNN were measured. Everything else is as in sequential MNIST.

    layout             "pixels" (784 steps) or "pooled" (196 steps, the means of the 2 x 2 blocks)
    data_dir           folder of the four MNIST files, or one above it; None looks in the usual places
    permutation        "seeded", or "published", which is of pixels
    permutation_seed   of the seeded permutation; the run's own seed does not change it
    """

    summary = "classify a digit whose pixels come in one fixed random order"
    source = "le2015, section 4.2"

    def __init__(
        self, layout: str = "pixels", data_dir: str | Path | None = None, permutation: str = "seeded",
        permutation_seed: int = 0,
    ):
        if layout not in list(STEPS):
            raise UsageError(f"layout must be one of {', '.join(STEPS)} (got {layout!r}); set layout to one of them")
        if permutation not in ("seeded", "published"):
            raise UsageError(f"permutation must be seeded or published (got {permutation!r}); set it to one of them")
        if permutation == "published" and layout != "pixels":
            raise UsageError(f"the published permutation is of 784 pixels (got layout {layout}); set layout to pixels")
        seed = whole_number("permutation_seed", permutation_seed, 0, "it starts a random generator", most=2**32 - 1)
        if permutation == "published" and seed:
            raise UsageError(f"permutation_seed belongs to permutation seeded (got {seed} with published); drop one")
        super().__init__(layout, data_dir)
        self.permutation = published() if permutation == "published" else seeded(STEPS[layout], seed)

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        batch = super().batch(split, batch_size, seed, step)
        return Batch(batch.x[self.permutation], batch.y)


def seeded(steps: int, seed: int) -> np.ndarray:
    """π (steps,), a pure function of its arguments."""
    return np.random.default_rng([seed, steps]).permutation(steps)


def published() -> np.ndarray:
    """π (784,), NumPy's legacy RandomState(92916).permutation(784); no other generator gives these numbers."""
    return np.random.RandomState(PUBLISHED).permutation(784)
