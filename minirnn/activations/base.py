"""The protocol of an activation: an entrywise function (or a small permutation) and its adjoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

Array = Any


class Activation(ABC):
    """h = f(z), with z and h of shape (B, n).

    `backward` gets z and h, whichever its formula needs: a cell keeps both anyway. `bounds` are (β, γ), the smallest
    and largest |f'|, from which the bounds on ‖∂h_T/∂h_t‖ follow.
    """

    summary: ClassVar[str]
    bounds: tuple[float, float]

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}

    @abstractmethod
    def forward(self, z: Array) -> Array:
        """h = f(z)."""

    @abstractmethod
    def backward(self, dh: Array, z: Array, h: Array) -> Array:
        """z̄ = f'(z)* ⊙ h̄."""

    def gradients(self, dh: Array, z: Array, h: Array) -> dict[str, Array]:
        """What this step adds to the gradients of `params`."""
        return {}

    @classmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Activation]]:
        yield "", cls()
