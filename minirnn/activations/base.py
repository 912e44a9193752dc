"""The protocol of an activation: an entrywise function (or a small permutation) and its adjoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from minirnn.errors import UsageError
from minirnn.linalg import row_sum

Array = Any


class Activation(ABC):
    """h = f(z), with z and h of shape (B, n).

    `backward` gets z and h, whichever its formula needs: a cell keeps both anyway. `bounds` are (β, γ), the smallest
    and largest |f'|, or singular value of ∂h/∂z, over all z and units; the bounds on ‖∂h_T/∂h_t‖ follow from them.

    kinds     what numbers it is defined for, as NumPy names them: "f" real, "c" complex, "fc" both
    params    name -> array (n,), one number per unit, or (1,), one for all
    needs_z   whether `backward` and `gradients` look at z; where not, z may be None, and nobody has to keep it
    reversible   whether `inverse` finds z again from h and the few bits that `lost` tells
    """

    summary: ClassVar[str]
    kinds: str = "f"
    needs_z: ClassVar[bool] = True
    reversible: ClassVar[bool] = False

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}

    @property
    def bounds(self) -> tuple[float, float]:
        """(β, γ); a plain attribute where they are constant. (0, inf), which promises nothing, unless stated."""
        return 0.0, float("inf")

    @abstractmethod
    def forward(self, z: Array, out: Array | None = None) -> Array:
        """h = f(z); `out` is room for it, which it may return filled, to save a copy."""

    @abstractmethod
    def backward(self, dh: Array, z: Array, h: Array, out: Array | None = None) -> Array:
        """z̄ = f'(z)* ⊙ h̄; `out` likewise."""

    def gradients(self, dh: Array, z: Array, h: Array) -> dict[str, Array]:
        """What this step adds to the gradients of `params`."""
        return {}

    def lost(self, z: Array) -> Array | None:
        """What h = f(z) no longer tells about z, as an array of True and False; None if h tells all."""
        return None

    def inverse(self, h: Array, lost: Array | None) -> Array:
        """z from h and `lost`. Where h is off by rounding, a z for which `lost` is still what it was."""
        raise NotImplementedError(f"{type(self).__name__} is not reversible")

    def check(self, n: int, dtype: Any) -> None:
        """raises UsageError if f does not serve n units of this type; asked once, when a recurrent layer is made."""
        name = type(self).__name__
        if np.dtype(dtype).kind not in self.kinds:
            kind = "complex" if self.kinds == "f" else "real"
            raise UsageError(f"{name} is not defined for {kind} numbers; modrelu and identity are for both kinds")
        for key, x in self.params.items():
            if x.shape not in ((1,), (n,)):
                raise UsageError(f"{name} has a {key} of shape {x.shape} for {n} units; make it ({n},) or (1,)")

    @classmethod
    def sized(cls, n: int) -> Activation:
        """The activation as a network of n units starts with it."""
        return cls()

    @classmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Activation]]:
        yield "", cls()


def summed(d: Array, like: Array) -> Array:
    """Σ over the rows of d (..., n), for a parameter shaped like `like`: (n,), or (1,), to which all units add."""
    d = row_sum(d)
    return d if d.shape == like.shape else np.sum(d, keepdims=True)
