"""The protocol of a cell: one time step, and its adjoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from minirnn.errors import UsageError

Array = Any
State = tuple[Array, ...]


class Cell(ABC):
    """One step of a recurrent network, and its adjoint, side by side.

    The loop over time is `minirnn.unroll`; the input projection a = U x + b is one product for a segment of steps,
    made by `minirnn.layers.Recurrent`. A cell says how many blocks of n entries a has (`gates`), how many
    arrays its state has, and the shapes of its matrices; it never sees how a matrix is parametrized.

    gates       names of the blocks of a; a is (G, B, n), or (B, n) for one gate
    states      1 for (h,), 2 for (h, c)
    kinds       what numbers it is defined for, as NumPy names them: "f" real, "c" complex, "fc" both
    matrices    name -> (rows, columns) in units of n; `step` finds them as w.NAME
    params      the cell's own trainable vectors (peepholes); matrices are not among them
    reversible  whether `step_reverse` undoes `step` where the cell's matrices are orthogonal (unitary)
    children    parts with parameters of their own, such as an activation
    kernel      which CUDA kernels a device may use for it; see minirnn.kernels
    """

    summary: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    states: ClassVar[int]
    kinds: str = "f"
    kernel: str = "auto"
    matrices: ClassVar[dict[str, tuple[int, int]]]
    reversible: bool = False

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.children: dict[str, Any] = {}

    @classmethod
    def sized(cls, n: int) -> Cell:
        """The cell for n hidden units with its own vectors at zero, for those who know only its name."""
        return cls()

    def check(self, n: int, dtype: Any) -> None:
        """raises UsageError if the cell does not serve n units of this type; asked once, when a layer is made."""
        for child in self.children.values():
            child.check(n, dtype)
        if np.dtype(dtype).kind not in self.kinds:
            raise UsageError(f"{type(self).__name__} is not defined for complex matrices; Elman with modrelu is")
        for name, x in self.params.items():
            if x.shape != (n,):
                raise UsageError(f"{type(self).__name__} needs {name} of shape ({n},), one per unit (got {x.shape})")

    def shape(self, rows: int, n: int) -> tuple[int, ...]:
        """The shape of a, for that many examples."""
        return (rows, n) if len(self.gates) == 1 else (len(self.gates), rows, n)

    def prepare(self, w: SimpleNamespace) -> None:  # noqa: B027 - most cells need nothing
        """Add to `w` what every step needs: called once per sequence, in each direction."""

    @abstractmethod
    def step(self, a: Array, state: State, w: SimpleNamespace, out: State) -> tuple[State, Any]:
        """State at t-1 to (state at t, cache). The step may overwrite `a`, and keep it as its cache.

        out     room for the state at t, (B, n) each, which it may return filled, to save a copy
        """

    @abstractmethod
    def step_backward(
        self, dstate: State, state_prev: State, state: State, cache: Any, w: SimpleNamespace, out: Array
    ) -> tuple[Array, State]:
        """∂L/∂state_t, complete, to (∂L/∂a_t, what ∂L/∂state_{t-1} receives through this step).

        The loop adds to what it gets for ∂L/∂state_{t-1}, in place: these are new arrays, none of the arguments.

        out     room for ∂L/∂a_t, `shape(rows of dstate, n)`, which it may return filled, to save a copy
        """

    @abstractmethod
    def matrix_gradients(self, dA: Array, states: State, caches: list, w: SimpleNamespace) -> dict[str, Array]:
        """∂L/∂matrix for each matrix, from many time steps at once: dA (T, *shape of a), states (T + 1, B, n)."""

    def vector_gradients(self, dstate: State, state_prev: State, state: State, cache: Any, da: Array) -> dict:
        """What this step adds to the gradients of `params` and of the children's; asked only of cells that have any."""
        return {}

    def lost(self, caches: list) -> Array | None:
        """The bits that the steps of these caches forget, (T, B, ...), True or False; None if they forget nothing."""
        return None

    def step_reverse(self, a: Array, state: State, lost: Array | None, w: SimpleNamespace) -> tuple[State, Any]:
        """State at t and the bits its step lost to (state at t-1, the cache of that step); may overwrite `a`."""
        raise NotImplementedError(f"{type(self).__name__} is not reversible")

    @classmethod
    @abstractmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Cell]]:
        """Small labelled instances that cover the variants, for the gradient checks."""
