"""The read-out."""

from __future__ import annotations

from minirnn.layers.base import Layer
from minirnn.products import Affine


class Linear(Layer):
    """y = W x + b at every position.

        Y = X Wᵀ + b                       (N1)
        W̄ = Σ ȳ xᴴ                         (N2)  one product over all positions
        b̄ = Σ ȳ                            (N3)
        X̄ = Ȳ W*                           (N4)

    W (rows, columns), b (rows,); X (..., columns) -> Y (..., rows).   Derivation: docs/derivations/layers.md
    """

    summary = "y = W x + b"

    def __init__(self, W, b):
        super().__init__(W=W, b=b)

    def affine(self):
        """x ↦ W x + b."""
        return Affine(self.params["W"], self.params["b"])

    def forward(self, X, affine=None):
        """(Y, cache). `affine` is `self.affine()`, where it was made for several X."""
        affine = self.affine() if affine is None else affine
        Y = affine.forward(X)                                       # (N1)
        return Y, X

    def backward(self, dY, cache, affine=None):
        X, affine = cache, self.affine() if affine is None else affine
        both = affine.gradients(dY, X)
        dW = both[0]                                                # (N2)
        db = both[1]                                                # (N3)
        dX = dY @ self.params["W"].conj()                           # (N4)
        return dX, {"W": dW, "b": db}

    @classmethod
    def examples(cls, n, rng):
        yield "", (cls(rng.standard_normal((n + 1, n)), rng.standard_normal(n + 1)), rng.standard_normal((4, 3, n)))
