"""The read-out that shares the table of the embedding."""

from __future__ import annotations

from minirnn.layers.base import Array, Layer
from minirnn.layers.embedding import Embedding
from minirnn.products import Affine


class TiedLinear(Layer):
    """Y = X Eᵀ + b with E the table of an embedding: one matrix for symbols in and symbols out.  [press2017, sec. 3]

    The score of a symbol is the inner product of the state with the symbol's own vector.

        Y = X Eᵀ + b                       (T1)
        Ē = Σ ȳ xᴴ                         (T2)  of this use alone: the model adds the embedding's
        b̄ = Σ ȳ                            (T3)
        X̄ = Ȳ E*                           (T4)

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

    def affine(self):
        """x ↦ E x + b."""
        return Affine(self.E, self.params["b"])

    def forward(self, X, affine=None):
        """(Y, cache). `affine` is `self.affine()`, where it was made for several X."""
        affine = self.affine() if affine is None else affine
        Y = affine.forward(X)                                       # (T1)
        return Y, X

    def backward(self, dY, cache, affine=None):
        X, affine = cache, self.affine() if affine is None else affine
        both = affine.gradients(dY, X)
        dE = both[0]                                                # (T2)
        db = both[1]                                                # (T3)
        dX = dY @ self.E.conj()                                     # (T4)
        return dX, {"E": dE, "b": db}

    @classmethod
    def examples(cls, n, rng):
        table = Embedding(rng.standard_normal((n + 1, n)))
        yield "", (cls(table, rng.standard_normal(n + 1)), rng.standard_normal((4, 3, n)))
