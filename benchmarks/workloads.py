"""The workloads: sizes, data, and how many floating-point operations their matrix products need.

This file needs NumPy alone, so that a peer's environment can read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GATES = {"elman": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class Workload:
    """One training step: forward, full backpropagation through time, Adam update, in float32.

    cell     elman (tanh), lstm or gru
    T, B     time steps and batch
    m, n     features per step and hidden units
    classes  of the softmax
    read     K, at how many of the last steps the read-out speaks
    bar      largest time / torch's time that is good enough; None where none is set
    """

    name: str
    title: str
    cell: str
    T: int
    m: int
    n: int
    classes: int
    read: int
    B: int = 50
    bar: float | None = None

    @property
    def gemm_flops(self) -> int:
        """Multiplications and additions of the step's matrix products, with G gates:

            recurrence   W h_{t-1}, Wᵀ z̄_t, W̄     3 · 2 T B G n n
            input        U x_t, Ū                 2 · 2 T B G n m     nobody asks for ∂L/∂x
            read-out     V h_t, Vᵀ ȳ_t, V̄         3 · 2 K B C n       C classes
        """
        G = GATES[self.cell]
        recurrence = 3 * 2 * self.T * self.B * G * self.n * self.n
        inputs = 2 * 2 * self.T * self.B * G * self.n * self.m
        readout = 3 * 2 * self.read * self.B * self.classes * self.n
        return recurrence + inputs + readout

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """(X (T, B, m) float32, classes to predict (K, B)): random symbols, one-hot, or a random real number per step.

        What the numbers are does not change the time, as long as no engine computes with denormal ones.
        """
        rng = np.random.default_rng(1)
        if self.m == 1:
            X = rng.random((self.T, self.B, 1))
        else:
            X = np.eye(self.m)[rng.integers(0, self.m, (self.T, self.B))]
        return X.astype(np.float32), rng.integers(0, self.classes, (self.read, self.B))


WORKLOADS = {
    w.name: w
    for w in (
        Workload("W1", "copy, tanh, n = 128", "elman", T=220, m=10, n=128, classes=9, read=220, bar=0.75),
        Workload("W2", "copy, tanh, n = 512", "elman", T=220, m=10, n=512, classes=9, read=220),
        Workload("W3", "pixel by pixel, tanh, n = 128", "elman", T=784, m=1, n=128, classes=10, read=1, bar=0.75),
        Workload("W4", "copy, LSTM, n = 128", "lstm", T=220, m=10, n=128, classes=9, read=220, bar=1.1),
    )
}
