"""Penalties on a matrix of a recurrent layer: a value, and what they add to ∂L/∂W before it is pulled back.

They act on the composite matrix W, however it is parametrized, once per sequence: `Recurrent(..., regularizers=(...))`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from minirnn.errors import UsageError
from minirnn.linalg import polar

Array = Any


class Regularizer(ABC):
    """strength    λ >= 0
    matrix      which of the layer's matrices, "W" or "U" or another of the cell's
    """

    summary: ClassVar[str]

    def __init__(self, strength: float, matrix: str = "W") -> None:
        if not strength >= 0:
            raise UsageError(f"the strength of a penalty must not be negative (got {strength}); 0 switches it off")
        self.strength, self.matrix = strength, matrix

    @abstractmethod
    def forward(self, W: Array) -> tuple[Array, Any]:
        """(value, cache)."""

    @abstractmethod
    def backward(self, cache: Any) -> Array:
        """∂value/∂W, with the shape of W."""

    @classmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[Regularizer, Array]]]:
        """Small labelled (regularizer, W), for the gradient checks."""
        yield "square", (cls(0.3), rng.standard_normal((n, n)))
        yield "tall", (cls(0.3), rng.standard_normal((2 * n, n)))


class SoftOrthogonality(Regularizer):
    """λ ‖WᴴW − I‖²_F.  [vorontsov2017, eq. 7]

        E = WᴴW − I                        (S1)
        value = λ Σ |E|²                   (S2)
        W̄ = 4λ W E                         (S3)  dE = dWᴴ W + Wᴴ dW, and E is Hermitian: both terms give W E

    Cost: two products.   Derivation: docs/derivations/regularizers.md
    """

    summary = "λ ‖WᵀW − I‖², soft orthogonality"

    def forward(self, W):
        E = W.conj().T @ W - np.identity(W.shape[1], dtype=W.dtype, like=W)     # (S1)
        value = self.strength * np.sum(np.abs(E) ** 2)              # (S2)
        return value, (W, E)

    def backward(self, cache):
        W, E = cache
        dW = 4 * self.strength * (W @ E)                            # (S3) undoes (S2), (S1)
        return dW


class SpectralPrior(Regularizer):
    """λ ‖s − 1‖², s the singular values of W: a Gaussian prior with mean 1 and variance 1/2λ.
    [dorobantu2016; vorontsov2017, sec. 3.2]

        Q = U Vᴴ of W = U diag(s) Vᴴ       (G1)  the orthogonal matrix nearest to W
        value = λ Σ |W − Q|²               (G2)  = λ Σ (s_i − 1)²
        W̄ = 2λ (W − Q)                     (G3)  = U diag(2λ(s − 1)) Vᴴ; Q is nearest, so its change counts second order

    It has no slope at a singular matrix, where Q is not unique. It cannot see the sign of a factor's s: |s_i| counts.
    Cost: one singular value decomposition.   Derivation: docs/derivations/regularizers.md
    """

    summary = "λ ‖s − 1‖², a Gaussian prior on the singular values"

    def forward(self, W):
        Q = polar(W)                                                # (G1)
        value = self.strength * np.sum(np.abs(W - Q) ** 2)          # (G2)
        return value, (W, Q)

    def backward(self, cache):
        W, Q = cache
        dW = 2 * self.strength * (W - Q)                            # (G3) undoes (G2), (G1)
        return dW


class WeightDecay(Regularizer):
    """value = λ Σ |W|² (L1), W̄ = 2λ W (L2).  [krogh1992]

    On the composite U diag(s) Vᵀ it moves s alone: W̄ gives U and V no step along their manifold.
    Derivation: docs/derivations/regularizers.md
    """

    summary = "λ ‖W‖², weight decay on the composite matrix"

    def forward(self, W):
        value = self.strength * np.sum(np.abs(W) ** 2)              # (L1)
        return value, W

    def backward(self, cache):
        W = cache
        dW = 2 * self.strength * W                                  # (L2) undoes (L1)
        return dW
