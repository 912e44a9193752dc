"""The exponential map around a point other than the identity."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import orthogonal
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.expmap import ExpMap


class BasedExpMap(Parametrization):
    """W = exp(B) W₀ with B skew-symmetric and a fixed orthogonal W₀; det W = det W₀.  [lezcano2019b]

        E = exp(B)                                                 (B1)  as in expmap
        W = E W₀                                                   (B2)

    Backward: dW = dE W₀, so

        Ē = W̄ W₀ᵀ                                                  (B3)  undoes (B2); then expmap's pullback undoes (B1)

    The other order, W₀ exp(B') = exp(B) W₀ with B = W₀ B' W₀ᵀ, is the same set of matrices in rotated coordinates.
    At B = 0 the gradient is the strict upper triangle of W̄ Wᵀ − W W̄ᵀ: see plumbley.

    params    A (n, n): B's strict upper triangle is read, the rest is ignored and its gradient is zero
    buffers   W0 (n, n) orthogonal
    pullback  W̄ (n, n) -> {"A": (n, n)}     cost: expmap's and one product
    raises    UsageError if W0 is not orthogonal of A's shape, or A is not real and square
    Derivation: docs/derivations/based_expmap.md
    """

    summary = "orthogonal W = exp(B) W₀ around a fixed W₀, exact gradient"
    orthogonal = True

    def __init__(self, A, W0):
        ExpMap(A)                                                   # checks A
        if W0.shape != A.shape or np.iscomplexobj(W0) or not orthogonality_error(W0) < 1e-3:
            raise UsageError(f"W0 must be orthogonal, of A's shape {A.shape} (got {W0.dtype}, shape {W0.shape})")
        super().__init__(A=A)
        self.buffers["W0"] = W0

    def matrix(self):
        E, cache = ExpMap(self.params["A"]).matrix()                # (B1)
        W = E @ self.buffers["W0"]                                  # (B2)
        return W, cache

    def pullback(self, dW, cache):
        dE = dW @ self.buffers["W0"].T                              # (B3) undoes (B2)
        return ExpMap(self.params["A"]).pullback(dE, cache)

    @classmethod
    def sized(cls, n, rng):
        return cls(np.zeros((n, n)), orthogonal((n, n), rng))

    @classmethod
    def examples(cls, n, rng):
        W0 = orthogonal((n, n), rng)
        yield "A = 0", cls(np.zeros((n, n)), W0)
        yield "random", cls(rng.standard_normal((n, n)), W0)
