"""What training does to what must not change: `python -m benchmarks.invariants` prints the table of docs/results.

Each constrained system learns to recall the first of 5 numbers for 1,000 updates. Reported are how far the constrained
parameter moved, how the loss fell, and how far its invariant is from holding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minirnn import config
from minirnn.linalg import orthogonality_error
from minirnn.trainer import Trainer, build

STEPS = 1000


class Case(NamedTuple):
    """A model's options, what must hold of its first recurrent layer (W and its parametrization), the learning rate."""

    options: dict[str, Any]
    invariant: str
    error: Callable[[np.ndarray, Any], float]
    lr: float = 3e-3


class Found(NamedTuple):
    """loss before and after, the largest change of an entry of W, and the invariant's error."""

    before: float
    after: float
    moved: float
    error: float


def orthogonal(W: np.ndarray, p: Any) -> float:
    return float(orthogonality_error(W))


def within(margin: float) -> Callable[[np.ndarray, Any], float]:
    """How far a singular value lies outside 1 ± margin."""

    def error(W: np.ndarray, p: Any) -> float:
        s = np.linalg.svd(W.astype(np.float64), compute_uv=False)
        return float(max(np.max(np.abs(s - 1)) - margin, 0))

    return error


def negative_determinant(W: np.ndarray, p: Any) -> float:
    return float(abs(np.linalg.det(W.astype(np.float64)) + 1))


def unit_diagonals(W: np.ndarray, p: Any) -> float:
    """Of the phases D1, D2, D3, as the engine forms them."""
    return float(np.max(np.abs(np.abs(np.exp(1j * p.params["theta"])) - 1)))


CASES = {
    "urnn-exp": Case({"name": "urnn-exp"}, "‖WᵀW − I‖", orthogonal),
    "urnn-exp, Plumbley": Case({"name": "urnn-exp", "gradient": "plumbley"}, "‖WᵀW − I‖", orthogonal),
    "urnn-exp, multiplicative": Case(
        {"name": "urnn-exp", "gradient": "multiplicative"}, "‖WᵀW − I‖", orthogonal, lr=3e-2
    ),
    "spectral-rnn, m = 0": Case({"name": "spectral-rnn", "margin": 0.0, "bases_scale": 1.0}, "‖WᵀW − I‖", orthogonal),
    "spectral-rnn, m = 0.1": Case(
        {"name": "spectral-rnn", "margin": 0.1, "bases_scale": 1.0}, "singular values outside 1 ± m", within(0.1)
    ),
    "scornn": Case({"name": "scornn"}, "‖WᵀW − I‖", orthogonal),
    "scornn, 3 of D are −1": Case({"name": "scornn", "negative": 3}, "det W = −1", negative_determinant),
    "dizzy-rnn": Case({"name": "dizzy-rnn"}, "‖WᵀW − I‖", orthogonal),
    "urnn": Case({"name": "urnn"}, "‖WᴴW − I‖", orthogonal),
    "urnn, diagonals": Case({"name": "urnn"}, "D₁, D₂, D₃ of unit modulus", unit_diagonals),
    "full-urnn": Case({"name": "full-urnn"}, "‖WᴴW − I‖", orthogonal),
}


def measure(case: Case, dtype: str, steps: int = STEPS) -> Found:
    """Train, and look."""
    settings, task = config.resolve({
        "task": {"name": "recall", "length": 5},
        "model": {"hidden_size": 16, "embedding_size": 8, **case.options},
        "optimizer": {"rule": "rmsprop" if "urnn" in case.options["name"] else "adam", "lr": case.lr},
        "train": {"batch_size": 20, "steps": steps},
        "run": {"dtype": dtype},
    })
    trainer = build(settings, task)
    start, before = _matrix(trainer), trainer.evaluate("valid")["loss"]
    for step in range(steps):
        trainer.update(step)
    W = _matrix(trainer)
    moved = float(np.max(np.abs(W - start)))
    parametrization = trainer.model.layers[0].matrices["W"]
    return Found(before, trainer.evaluate("valid")["loss"], moved, case.error(W, parametrization))


def _matrix(trainer: Trainer) -> np.ndarray:
    return trainer.model.layers[0].matrices["W"].matrix()[0].copy()


def main() -> None:
    print("# What training leaves unchanged\n")
    print(f"Written by `python -m benchmarks.invariants`, seed 0: after {STEPS:,} updates on recall of 5 numbers,")
    print("16 units, how far each invariant is from holding, in both precisions; and in float32, the largest change")
    print("of an entry of W and the validation loss before and after. Random guessing has a loss of 2.30.\n")
    print("| system | invariant | float64 | float32 | moved | loss |")
    print("|---|---|---|---|---|---|")
    for name, case in CASES.items():
        double, single = measure(case, "float64"), measure(case, "float32")
        loss = f"{single.before:.2f} to {single.after:.2f}"
        print(f"| {name} | {case.invariant} | {double.error:.1e} | {single.error:.1e} | {single.moved:.2f} | {loss} |")


if __name__ == "__main__":
    main()
