"""The read-out of a complex network."""

from __future__ import annotations

import numpy as np

from minirnn.layers.base import Layer
from minirnn.layers.linear import Linear


class SplitLinear(Layer):
    """y = W [Re x; Im x] + b: a real read-out of complex numbers, at every position.  [arjovsky2016]

        P = [Re X | Im X]                  (S1)  then Y = P Wᵀ + b, as in Linear
        X̄ = P̄₁ + i P̄₂                      (S2)  undoes (S1); P̄₁ and P̄₂ are the halves of what Linear returns

    W (rows, 2 columns), b (rows,), both real; X (..., columns) complex -> Y (..., rows) real.
    Derivation: docs/derivations/layers.md
    """

    summary = "y = W [Re x; Im x] + b, a real read-out of complex numbers"

    def __init__(self, W, b):
        super().__init__()
        self.linear = Linear(W, b)
        self.params = self.linear.params                            # one dict: the paths are those of Linear

    def affine(self):
        """p ↦ W p + b."""
        return self.linear.affine()

    def forward(self, X, affine=None):
        """(Y, cache). `affine` is `self.affine()`, where it was made for several X."""
        P = np.concatenate([X.real, X.imag], axis=-1)               # (S1)
        return self.linear.forward(P, affine)

    def backward(self, dY, cache, affine=None):
        dP, grads = self.linear.backward(dY, cache, affine)
        n = dP.shape[-1] // 2
        dX = dP[..., :n] + 1j * dP[..., n:]                         # (S2) undoes (S1)
        return dX, grads

    @classmethod
    def examples(cls, n, rng):
        X = rng.standard_normal((4, 3, n)) + 1j * rng.standard_normal((4, 3, n))
        yield "", (cls(rng.standard_normal((n + 1, 2 * n)), rng.standard_normal(n + 1)), X)
