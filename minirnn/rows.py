"""The gradient of a table of which few rows were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minirnn import backend

Array = Any


class Rows(NamedTuple):
    """A sum of rows: the dense gradient is zero but for  dense[ids[k]] += values[k], ids possibly repeated.

    `dE[ids] += values` would keep only the last of repeated rows; every use goes through `unique` or `dense`.
    """

    ids: Array       # (N,) integers
    values: Array    # (N, m)
    add_at: Callable[[Array, Array, Array], None] = backend.add_at    # or backend.add_at_in_order

    def unique(self) -> Rows:
        """The same gradient with each row named once, and its values summed; on the host."""
        ids, values = backend.distinct_sums(self.ids, self.values)
        return self._replace(ids=ids, values=values)

    def summed(self) -> Rows:
        """The same gradient, a repeated row's values summed at its first place and zero at the others.

        ‖values‖ is then the norm of the dense gradient. Unlike `unique`, no shape depends on the data, so a device can
        do it without telling the host how many rows there are.
        """
        order = np.argsort(self.ids)
        ids = self.ids[order]
        values = np.zeros_like(self.values)
        self.add_at(values, np.searchsorted(ids, ids), self.values[order])
        return self._replace(ids=ids, values=values)

    def touched(self, like: Array) -> Array:
        """(rows, 1), 1 where a row is named, else 0."""
        marks = np.zeros_like(like[:, :1])
        marks[self.ids] = 1
        return marks

    def dense(self, like: Array) -> Array:
        """The dense gradient, with the shape and type of `like`."""
        full = np.zeros_like(like)
        self.add_at(full, self.ids, self.values)
        return full
