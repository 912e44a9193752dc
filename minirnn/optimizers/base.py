"""The protocol of an update rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.memory import aligned, cached_rows
from minirnn.rows import Rows

Array = Any


class Rule(ABC):
    """How a parameter moves, given its gradient. One instance serves a group of parameters; memory is keyed by name.

    lr          learning rate, > 0
    manifolds   the tags of parameters the rule may move; straight lines stay "euclidean"
    slots       names of the arrays, shaped like the parameter, that the rule remembers
    entrywise   whether `update` moves each entry by itself: it then gets a few rows at a time, and a complex parameter
                as pairs of real numbers; a rule on matrices needs them whole

    Of a `Rows` gradient only the rows that were read move, and only their memory changes.
    """

    summary: ClassVar[str]
    manifolds: ClassVar[frozenset[str]] = frozenset({"euclidean"})
    slots: tuple[str, ...] = ()
    entrywise: ClassVar[bool] = True

    def __init__(self, lr: float) -> None:
        if not lr > 0:
            raise UsageError(f"the learning rate must be positive (got {lr})")
        self.lr = lr
        self.memory: dict[str, dict[str, Array]] = {}
        self.steps: dict[str, int] = {}

    @abstractmethod
    def update(self, x: Array, g: Array, memory: dict[str, Array], t: int) -> None:
        """Move x in place, along its gradient g of the same shape; t = 1, 2, ... counts this parameter's steps."""

    def step(self, name: str, x: Array, g: Array | Rows) -> None:
        """Move the parameter `name` in place."""
        x_real = as_real(x)
        if name not in self.memory:
            self.memory[name] = {slot: self.initial(slot, x_real) for slot in self.slots}
        memory = self.memory[name]
        t = self.steps[name] = self.steps.get(name, 0) + 1
        if isinstance(g, Rows) and backend.is_device(x):
            self._step_rows_on_device(x, g, memory, t)
        elif isinstance(g, Rows):
            self._step_rows(x_real, g.unique(), memory, t)
        elif self.entrywise:
            self._by_rows(x_real, g, memory, t)
        else:
            self.update(x, g, memory, t)

    def _by_rows(self, x: Array, g: Array, memory: dict[str, Array], t: int) -> None:
        """`update`, so many rows at a time that its passes over them find them in the cache."""
        for rows in cached_rows(x, 2 + len(memory)) if x.ndim else [...]:
            part = g[rows] if g[rows].flags.c_contiguous else aligned(g[rows])      # a product may give its transpose
            self.update(x[rows], as_real(part), {slot: array[rows] for slot, array in memory.items()}, t)

    def _step_rows(self, x: Array, g: Rows, memory: dict[str, Array], t: int) -> None:
        """`update` of the rows that g names, each once."""
        for rows in cached_rows(g.values, 2 + len(memory)):
            ids = g.ids[rows]
            moved, part = x[ids], {slot: array[ids] for slot, array in memory.items()}
            self.update(moved, g.values[rows], part, t)
            x[ids] = moved
            for slot, array in part.items():
                memory[slot][ids] = array

    def _step_rows_on_device(self, x: Array, g: Rows, memory: dict[str, Array], t: int) -> None:
        """The same step without asking the device which rows there are: move all rows, keep the move where touched."""
        kept = {slot: array.copy() for slot, array in memory.items()}
        moved, touched = x.copy(), g.touched(x) > 0
        self.update(moved, g.dense(x), memory, t)
        x[...] = np.where(touched, moved, x)
        for slot, array in kept.items():
            memory[slot][...] = np.where(touched, memory[slot], array)

    def initial(self, slot: str, x: Array) -> Array:
        """The memory before the first step."""
        return np.zeros_like(x)

    def state_dict(self) -> dict[str, Array]:
        """{"name/slot": array, "name/t": count}: all that the next step depends on."""
        arrays = {f"{name}/{slot}": array for name, slots in self.memory.items() for slot, array in slots.items()}
        return arrays | {f"{name}/t": np.asarray(t) for name, t in self.steps.items()}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Undoes `state_dict`.  raises UsageError for a slot that the rule does not have; see also `Optimizer`"""
        for key, array in state.items():
            name, _, slot = key.rpartition("/")
            if not name or slot not in (*self.slots, "t"):
                own = [*self.slots, "t"]
                raise UsageError(f"{type(self).__name__} remembers {own} (got {key!r}); load its own memory")
            if slot == "t":
                self.steps[name] = int(array)
            else:
                self.memory.setdefault(name, {})[slot] = array


def as_real(x: Array) -> Array:
    """x, its complex entries as neighbouring pairs of real ones: a view."""
    return x.view(x.real.dtype) if x.dtype.kind == "c" else x
