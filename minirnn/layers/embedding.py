"""A trainable vector per symbol."""

from __future__ import annotations

from minirnn import backend
from minirnn.layers.base import Layer
from minirnn.rows import Rows


class Embedding(Layer):
    """A trainable vector per symbol, X_tb = E[x_tb] (M1); Ē is the sum of x̄ over the places where a row was read (M2).

    Ē is returned as `Rows`, so a large table costs what was read of it.
    E (symbols, m); x (T, B) integers -> X (T, B, m).   Derivation: docs/derivations/layers.md
    add_at   how rows that were read several times are summed: `backend.add_at`, or `add_at_in_order`
    raises   UsageError if x, on the host, holds no row's number
    """

    summary = "a trainable vector per symbol"

    def __init__(self, E):
        super().__init__(E=E)
        self.add_at = backend.add_at

    def forward(self, x):
        backend.check_ids(x, len(self.params["E"]), "symbols")
        X = self.params["E"][x]                                     # (M1)
        return X, x

    def backward(self, dX, cache):
        x = cache
        values = dX.reshape(-1, dX.shape[-1])                       # (M2)
        return None, {"E": Rows(x.reshape(-1), values, self.add_at)}

    @classmethod
    def examples(cls, n, rng):
        yield "", (cls(rng.standard_normal((n, 3))), rng.integers(0, n, (4, 3)))
