"""The workloads: sizes, data, how many operations their matrix products need, and which engines are compared on them.

This file needs NumPy alone, so that a peer's environment can read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GATES = {"elman": 1, "lstm": 4, "gru": 3}
GEMM_LIMIT = "GEMM limit"


@dataclass(frozen=True)
class Workload:
    """One training step: forward, full backpropagation through time, Adam update, in float32.

    cell     elman (tanh), lstm, or gru with the reset gate after the product, as PyTorch has it
    T, B     time steps and batch
    m, n     features per step and hidden units
    classes  of the softmax
    read     K, at how many of the last steps the read-out speaks
    words    the input is one of `classes` words per step, and m the length of its vector in a trained table
    steps    training steps per timed round, about a second in all
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
    words: bool = False
    steps: int = 7

    @property
    def gemm_flops(self) -> int:
        """Multiplications and additions of the step's matrix products, with G gates:

            recurrence   W h_{t-1}, Wᵀ z̄_t, W̄     3 · 2 T B G n n
            input        U x_t, Ū                 2 · 2 T B G n m     and Uᵀ z̄_t, as many again, where x_t is trained
            read-out     V h_t, Vᵀ ȳ_t, V̄         3 · 2 K B C n       C classes
        """
        G = GATES[self.cell]
        recurrence = 3 * 2 * self.T * self.B * G * self.n * self.n
        inputs = (2 + self.words) * 2 * self.T * self.B * G * self.n * self.m
        readout = 3 * 2 * self.read * self.B * self.classes * self.n
        return recurrence + inputs + readout

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """(X, classes to predict (K, B)). X is (T, B, m) float32, random symbols, one-hot, or a random real number per
        step; or (T, B) words.

        What the numbers are does not change the time, as long as no engine computes with denormal ones. How often a
        word recurs does: words are drawn with probability 1/(rank + 10), roughly as they occur in text.
        """
        rng = np.random.default_rng(1)
        X: np.ndarray
        if self.words:
            weights = 1 / (np.arange(self.classes) + 10)
            X = rng.choice(self.classes, size=(self.T, self.B), p=weights / weights.sum())
        elif self.m == 1:
            X = rng.random((self.T, self.B, 1)).astype(np.float32)
        else:
            X = np.eye(self.m, dtype=np.float32)[rng.integers(0, self.m, (self.T, self.B))]
        return X, rng.integers(0, self.classes, (self.read, self.B))


@dataclass(frozen=True)
class Comparison:
    """Time of `ours` / time of `peer` on a workload, at one thread.

    peer     an engine, or the time of the workload's matrix products alone
    must     the largest ratio that is good enough; None: no bar is set
    aim      the ratio to reach
    starts   the engine whose weights the peer starts from, to show that it computes the same; "" is `ours`
    """

    workload: str
    ours: str
    peer: str
    must: float | None = None
    aim: float | None = None
    starts: str = ""


WORKLOADS = {
    w.name: w
    for w in (
        Workload("W1", "copy, tanh, n = 128", "elman", T=220, m=10, n=128, classes=9, read=220),
        Workload("W2", "copy, tanh, n = 512", "elman", T=220, m=10, n=512, classes=9, read=220, steps=3),
        Workload("W3", "pixel by pixel, tanh, n = 128", "elman", T=784, m=1, n=128, classes=10, read=1),
        Workload("W4", "copy, LSTM, n = 128", "lstm", T=220, m=10, n=128, classes=9, read=220),
        Workload("W5", "language model, GRU, n = 200", "gru", T=35, m=400, n=200, classes=10_000, read=35, B=80,
                 words=True, steps=3),
    )
}

PLAIN = (
    Comparison("W1", "minirnn", GEMM_LIMIT, 1.8, 1.35),
    Comparison("W1", "minirnn", "torch", 0.60, 0.40),
    Comparison("W2", "minirnn", GEMM_LIMIT, 1.4, 1.18),
    Comparison("W2", "minirnn", "torch", 0.85, 0.68),
    Comparison("W3", "minirnn", GEMM_LIMIT, 1.8, 1.30),
    Comparison("W3", "minirnn", "torch", 0.60, 0.45),
    Comparison("W4", "minirnn", GEMM_LIMIT, 2.1, 1.6),
    Comparison("W4", "minirnn", "torch", 0.95, 0.68),
    Comparison("W5", "minirnn", GEMM_LIMIT, 1.4, 1.15),
    Comparison("W5", "minirnn", "torch", 0.80, 0.65),
)

# (exponential: must, aim; Cayley transform: must, aim)
_ORTHOGONAL = {"W1": (0.60, 0.42, 0.60, 0.42), "W2": (0.60, 0.45, 0.90, 0.68), "W3": (0.60, 0.45, 0.75, 0.58)}

VARIANTS = (
    *(
        comparison
        for name, (exp_must, exp_aim, cayley_must, cayley_aim) in _ORTHOGONAL.items()
        for comparison in (
            Comparison(name, "minirnn", "jax"),
            Comparison(name, "minirnn expmap", "torch matrix_exp", exp_must, exp_aim),
            Comparison(name, "minirnn expmap", "geotorch"),
            Comparison(name, "minirnn expmap", "jax expm"),
            Comparison(name, "minirnn cayley", "torch cayley", cayley_must, cayley_aim),
            Comparison(name, "minirnn givens", "torch matrix_exp", starts="minirnn expmap"),
            Comparison(name, "minirnn svd-margin", "torch matrix_exp", starts="minirnn expmap"),
            Comparison(name, "minirnn orthogonal", "torch matrix_exp", starts="minirnn expmap"),
        )
    ),
    Comparison("W4", "minirnn", "jax"),
)


def comparisons(workload: str, variants: bool) -> list[Comparison]:
    """What is compared on a workload."""
    return [c for c in (*PLAIN, *(VARIANTS if variants else ())) if c.workload == workload]


def engines(workload: str, variants: bool) -> dict[str, str]:
    """{engine: the engine whose weights it starts from, itself if it is one of ours}, in the order of their turns."""
    found: dict[str, str] = {}
    for c in comparisons(workload, variants):
        found.setdefault(c.ours, c.ours)
        if c.peer != GEMM_LIMIT:
            found.setdefault(c.peer, c.starts or c.ours)
    return found
