"""What a run measures about its network while it trains, beside loss and metrics. It never changes the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirnn import backend, catalog
from minirnn.diagnostics.base import ask
from minirnn.diagnostics.subject import Subject
from minirnn.linalg import orthogonality_error
from minirnn.model import Model
from minirnn.operators import dense

EXAMPLES = 32       # sequences of the validation split, the same at every step
STARTS = 1e-3       # ‖WᴴW − I‖_F/√n below which a matrix counts as orthogonal when training starts


class Watch:
    """Chosen diagnostics of every recurrent layer, every so many updates.

    names   of the diagnostics
    every   updates between measurements
    """

    def __init__(self, names: Sequence[str], every: int):
        self.diagnostics = {name: catalog.find("diagnostics", name)() for name in names}
        self.every = every

    def due(self, step: int, last: bool) -> bool:
        """Whether the update that made it `step` is followed by a measurement."""
        return bool(self.diagnostics) and (step % self.every == 0 or last)

    def records(self, step: int, subjects: Sequence[Subject], ask: Callable = ask) -> list[dict[str, Any]]:
        """One record per diagnostic and layer: {"split": "watch", "step", "diagnostic", "layer", and its fields}."""
        return [
            {"split": "watch", "step": step, "diagnostic": name, "layer": subject.name, **ask(diagnostic, subject)}
            for name, diagnostic in self.diagnostics.items() for subject in subjects
        ]


class Orthogonality:
    """‖WᴴW − I‖_F of the square recurrent matrices that are orthogonal when the model is made, the largest of them.

    Of a constrained matrix it says that the constraint holds, of a free one that merely starts there (W = I) how far
    it has gone.   Cost: one n x n product per matrix.
    """

    def __init__(self, model: Model):
        every = [p for layer in model.layers for p in layer.matrices.values()]
        square = [p for p in every if _square(p)]
        self.tracked = [
            p for p, error in zip(square, _errors(square), strict=True)
            if error <= STARTS * np.sqrt(p.matrix()[0].shape[0])
        ]

    def record(self) -> dict[str, float]:
        """{"orthogonality_error": ...}, empty where no matrix started orthogonal."""
        return {"orthogonality_error": max(_errors(self.tracked))} if self.tracked else {}


def _square(parametrization: Any) -> bool:
    rows, columns = parametrization.matrix()[0].shape
    return rows == columns


def _errors(parametrizations: Sequence[Any]) -> list[float]:
    """‖WᴴW − I‖_F of each, in one copy from a device."""
    with np.errstate(all="ignore"):
        return backend.numbers([orthogonality_error(dense(p.matrix()[0])) for p in parametrizations])
