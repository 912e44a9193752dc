"""The gates of a cell, each in an array of its own.

The parameters of G gates are one matrix W (G n, k), the gates' rows below one another, and what is checked, saved and
constrained is that matrix. The steps compute with a_t of the shape (G, B, n): there each gate is one piece of memory.
Were they side by side, (B, G n), every operation on one gate would visit B pieces of n numbers that lie G n apart, and
such pieces push each other out of the processor's first cache: an operation of an LSTM's step on two gates takes 2 to
4 µs then, and 1 µs so (n = 128, B = 50).

A cell with one gate has no such axis: its a_t is (B, n).
"""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import Any

from minirnn.operators import Operator
from minirnn.panels import laid_out
from minirnn.products import OuterSums, join, split

Array = Any


class StepMatrix:
    """A matrix W (G n, k) of a cell, as its steps multiply by it; for one gate, (B, n) in place of (G, B, n).

        H @ W.T                  W_g h for every gate g and row h of H            (B, k) -> (G, B, n)
        dZ @ W.conj()            Σ_g W_gᴴ z̄_g for every row                       (G, B, n) -> (B, k)
        outer_sum(W, dZ, H)      Σ z̄ hᴴ, the gates' rows below one another        (T, G, B, n), (T, B, k) -> (G n, k)

    whole   W, an array or an operator
    rows    how many examples a step has: what an array is laid out for, once for each direction
    """

    __array_ufunc__ = None      # arrays leave `array @ W` to __rmatmul__

    def __init__(self, whole: Array, gates: int, rows: int):
        self.whole, self.gates, self.rows, self.shape = whole, gates, rows, whole.shape
        self._sums = OuterSums(whole)
        self.values: Array = getattr(whole, "values", whole)        # an array of its type, on its device

    @cached_property
    def T(self) -> Any:
        """Wᵀ of every gate, for the steps forward."""
        if isinstance(self.whole, Operator):
            return self.whole.T if self.gates == 1 else _Split(self.whole.T, self.gates)
        return laid_out(self._parts.swapaxes(-1, -2), self.rows)

    def conj(self) -> Any:
        """W* of every gate, for the steps back."""
        return self._conjugate

    def __rmatmul__(self, dZ: Array) -> Array:
        """dZ @ W, which is dZ @ W.conj() where W is real."""
        return dZ @ (self.whole if self.values.dtype.kind == "c" else self._conjugate)

    @cached_property
    def _conjugate(self) -> Any:
        if isinstance(self.whole, Operator):
            return self.whole if self.gates == 1 else _Joined(self.whole, self.gates)
        M = laid_out(self._parts.conj(), self.rows)
        return M if self.gates == 1 else _Summed(M)

    @property
    def _parts(self) -> Array:
        return self.whole if self.gates == 1 else self.whole.reshape(self.gates, -1, self.shape[1])

    def gradient(self, dZ: Array, H: Array) -> Array:
        """What `outer_sum` asks for; on the structure of an operator."""
        return self._sums.found(join(dZ, self.gates), H)


class _Right:
    """What stands to the right of an array in a product, and makes it."""

    __array_ufunc__ = None

    def __init__(self, M: Any, gates: int = 1):
        self.M, self.gates = M, gates


class _Summed(_Right):
    """Σ_g z̄_g M_g, for dZ (G, B, n) and M (G, n, k)."""

    def __rmatmul__(self, dZ: Array) -> Array:
        return (dZ @ self.M).sum(axis=0)


class _Split(_Right):
    """H M for an operator that has the gates side by side: its result is taken apart."""

    def __rmatmul__(self, H: Array) -> Array:
        return split(H @ self.M, self.gates)


class _Joined(_Right):
    """dZ M for such an operator: it is given them side by side."""

    def __rmatmul__(self, dZ: Array) -> Array:
        return join(dZ, self.gates) @ self.M


def whole(W: Any) -> Any:
    """W as it was given to a `StepMatrix`; or W itself, which is none."""
    return W.whole if isinstance(W, StepMatrix) else W


def step_matrices(cell: Any, matrices: dict[str, Array], rows: int) -> SimpleNamespace:
    """w of `cell.step`: its matrices by name, arrays or operators, as steps with this many examples use them."""
    return SimpleNamespace(**{name: StepMatrix(W, cell.matrices[name][0], rows) for name, W in matrices.items()})
