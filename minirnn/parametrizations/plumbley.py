"""W = exp(B), trained by Plumbley's direction as if it were the gradient with respect to B."""

import numpy as np

from minirnn.linalg import skew_coordinates
from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.based_expmap import BasedExpMap
from minirnn.parametrizations.expmap import ExpMap


class Plumbley(Parametrization):
    """W = exp(B), B skew-symmetric, with P = W̄ Wᵀ − W W̄ᵀ in place of B's gradient.  [chu, sec. 4; plumbley2004]

        W = exp(B)                                                 (P1)  as in expmap
        S̄ = W̄ Wᵀ                                                   (P2)  adjoint of dS → dS W, the change of exp(S) W
        p_ij = S̄_ij − S̄_ji,  i < j                                 (P3)

    p is the exact gradient at S = 0 of L(exp(S) W), around the matrix W where the network stands, and `claim` says so
    to the checker. It is not the gradient with respect to B, which is P − [B, P]/2 + [B, [B, P]]/6 − ... Subtracted
    from B it is descent whenever ‖B‖₂ < π/2, and beyond that it may ascend.

    Differs: the paper prints B ← B + ηP, which ascends when W̄ is a loss's gradient; rules here subtract.
    params    A (n, n): B's strict upper triangle is read, the rest is ignored and its entry of p is zero
    pullback  W̄ (n, n) -> {"A": (n, n)}     cost: one product per sequence; forward expmap's
    Derivation: docs/derivations/plumbley.md
    """

    summary = "orthogonal W = exp(B) with Plumbley's direction instead of the gradient"
    orthogonal = True
    gradient = "pseudo"

    def __init__(self, A):
        ExpMap(A)                                                   # checks A
        super().__init__(A=A)

    def matrix(self):
        W, _ = ExpMap(self.params["A"]).matrix()                    # (P1)
        return W, W

    def pullback(self, dW, cache):
        W = cache
        dS = dW @ W.T                                               # (P2)
        dA = skew_coordinates(dS)                                   # (P3)
        return {"A": dA}

    def claim(self):
        return BasedExpMap(np.zeros_like(self.params["A"]), self.matrix()[0])

    @classmethod
    def examples(cls, n, rng):
        yield "A = 0", cls(np.zeros((n, n)))
        yield "random", cls(rng.standard_normal((n, n)))
        yield "large", cls(4 * rng.standard_normal((n, n)))
