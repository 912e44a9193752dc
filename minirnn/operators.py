"""A structured matrix that a cell multiplies by as if it were an array.

A cell asks three things of its matrix, `h @ W.T` (W h for every row), `dz @ W.conj()` (Wᴴ z̄ for every row) and
`outer_sum(W, dZ, H)` (Σ z̄ hᴴ). An array answers with dense products. An `Operator` passes each question to the
parametrization it came from, so that a diagonal, a block-diagonal or a product of rotations costs what its structure
promises and receives a gradient on its structure alone; the cell's lines do not change.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

Array = Any


class Structure(Protocol):
    """What a parametrization offers to be used through an `Operator`; `made` is what its `matrix()` prepared."""

    def apply(self, H: Array, made: Any) -> Array:
        """H (..., columns) to Z (..., rows): W h for every row h of H."""

    def apply_adjoint(self, dZ: Array, made: Any) -> Array:
        """∂L/∂Z (..., rows) to ∂L/∂H (..., columns): Wᵀ z̄ for every row."""

    def gradients(self, dZ: Array, H: Array, made: Any) -> Array:
        """∂L/∂θ, summed over all rows, for the numbers θ that the structure holds: what `pullback` then receives."""


class Operator:
    """The real matrix W of a structure: answers `H @ W.T`, `dZ @ W`, `dZ @ W.conj()` and `W.gradient(dZ, H)`.

    structure   whose apply, apply_adjoint and gradients do the work
    made        what its `matrix()` prepared once for the sequence: cosines, a permutation
    shape       (rows, columns)
    values      one of its arrays: the operator's dtype, and the device it lives on
    """

    __array_ufunc__ = None      # arrays leave `array @ operator` to __rmatmul__

    def __init__(self, structure: Structure, made: Any, shape: tuple[int, int], values: Array):
        self.structure, self.made, self.shape, self.values = structure, made, shape, values
        self.dtype = values.dtype

    def __rmatmul__(self, dZ: Array) -> Array:
        return self.structure.apply_adjoint(dZ, self.made)

    def gradient(self, dZ: Array, H: Array) -> Array:
        """Σ over all leading axes of z̄ hᵀ, on the structure's own numbers."""
        return self.structure.gradients(dZ, H, self.made)

    def conj(self) -> Operator:
        """W itself: it is real."""
        return self

    @property
    def T(self) -> Transposed:
        """Wᵀ, for `H @ W.T`."""
        return Transposed(self)

    def dense(self) -> Array:
        """W as an array (rows, columns): column j is W e_j. For diagnostics; costs one product with the identity."""
        identity = np.identity(self.shape[1], dtype=self.dtype, like=self.values)
        return (identity @ self.T).T


class Transposed:
    """Wᵀ of an operator W: `H @ Wᵀ` is W applied to every row of H."""

    __array_ufunc__ = None

    def __init__(self, W: Operator):
        self.T, self.shape = W, W.shape[::-1]

    def __rmatmul__(self, H: Array) -> Array:
        return self.T.structure.apply(H, self.T.made)


def dense(W: Array | Operator) -> Array:
    """The matrix as an array, whether or not it is one already."""
    return W.dense() if isinstance(W, Operator) else W


def filled(W: Array | Operator, shape: int | tuple[int, ...], value: float) -> Array:
    """An array of equal entries, of W's type and on W's device."""
    like: Any = getattr(W, "values", W)
    return np.zeros(shape, dtype=like.dtype, like=like) + value
