"""The read-out."""

from __future__ import annotations

from minirnn.layers.base import Layer
from minirnn.linalg import outer_sum, row_sum


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

    def forward(self, X):
        Y = X @ self.params["W"].T
        Y += self.params["b"]                                       # (N1)
        return Y, X

    def backward(self, dY, cache):
        X = cache
        dW = outer_sum(self.params["W"], dY, X)                     # (N2)
        db = row_sum(dY)                                            # (N3)
        dX = dY @ self.params["W"].conj()                           # (N4)
        return dX, {"W": dW, "b": db}

    @classmethod
    def examples(cls, n, rng):
        yield "", (cls(rng.standard_normal((n + 1, n)), rng.standard_normal(n + 1)), rng.standard_normal((4, 3, n)))
