"""The read-out that shares the table of the embedding."""

from __future__ import annotations

from minirnn.layers.base import Array, Layer
from minirnn.layers.embedding import Embedding
from minirnn.layers.linear import Linear


class TiedLinear(Layer):
    """Y = X Eᵀ + b with E the table of an embedding: one matrix for symbols in and symbols out.  [press2017, sec. 3]

    The score of a symbol is the inner product of the state with the symbol's own vector.

        Y = X Eᵀ + b                       (T1)  as in Linear, with W = E
        Ē = W̄                              (T2)  undoes (T1): of this use alone, the model adds the embedding's

    embedding  whose E (symbols, m) is used, and trained, in both places
    b (symbols,); X (..., m) -> Y (..., symbols).   Derivation: docs/derivations/layers.md
    """

    summary = "a read-out that shares the embedding's table"

    def __init__(self, embedding: Embedding, b: Array):
        super().__init__(b=b)
        self.children[""] = embedding

    @property
    def E(self) -> Array:
        """The embedding's table."""
        return self.children[""].params["E"]

    @property
    def linear(self) -> Linear:
        """Linear with the table as it is now: a cast or a move to a device makes a new array."""
        return Linear(self.E, self.params["b"])

    def affine(self):
        """x ↦ E x + b."""
        return self.linear.affine()

    def forward(self, X, affine=None):
        """(Y, cache). `affine` is `self.affine()`, where it was made for several X."""
        return self.linear.forward(X, affine)                       # (T1)

    def backward(self, dY, cache, affine=None):
        dX, grads = self.linear.backward(dY, cache, affine)
        dE = grads.pop("W")                                         # (T2) undoes (T1)
        return dX, {"E": dE, **grads}

    @classmethod
    def examples(cls, n, rng):
        table = Embedding(rng.standard_normal((n + 1, n)))
        yield "", (cls(table, rng.standard_normal(n + 1)), rng.standard_normal((4, 3, n)))
