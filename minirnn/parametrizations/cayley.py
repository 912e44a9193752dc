"""Orthogonal matrices as scaled Cayley transforms of skew-symmetric ones."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.linalg import cayley, skew, skew_coordinates
from minirnn.parametrizations.base import Parametrization


class Cayley(Parametrization):
    """W = (I + S)⁻¹ (I − S) D with S skew-symmetric and D = diag(±1), orthogonal.  [helfrich2018, sec. 3; kahan2006]

    No eigenvalue of the plain transform is −1; the signs D reach the rest: for every orthogonal W there are signs for
    which S exists, with entries of at most 1. det W = det D = (−1)^(number of −1), for good. With A the strict upper
    triangle:

        S = Σ_{i<j} a_ij (E_ij − E_ji)                             (Y1)
        K = (I + S)⁻¹ (I − S)                                      (Y2)
        W = K D                                                    (Y3)

    Backward: the differential of (I + S) K = I − S is (I + S) dK = −dS (I + K), so

        K̄ = W̄ D                                                    (Y4)  undoes (Y3)
        Z = (I + K)ᵀ K̄ / 2                                         (Y5)  (I + S)(I + K) = 2I: its inverse is known
        S̄ = −Z (I + K)ᵀ                                            (Y6)  undoes (Y2)
        ā_ij = S̄_ij − S̄_ji,  i < j                                 (Y7)  undoes (Y1)

    params    A (n, n): the strict upper triangle is read, the rest is ignored and its gradient is zero
    buffers   D (n,) entries ±1, fixed; all +1 if not given
    pullback  W̄ (n, n) -> {"A": (n, n)}     cost: two products per sequence, forward one solve
    raises    UsageError if A is not square or not real, or if D is not ±1
    Derivation: docs/derivations/cayley.md
    """

    summary = "orthogonal W = (I + S)⁻¹ (I − S) D, the scaled Cayley transform"
    orthogonal = True

    def __init__(self, A, D=None):
        if A.ndim != 2 or A.shape[0] != A.shape[1] or np.iscomplexobj(A):
            raise UsageError(f"cayley needs a real square A (got {A.dtype} {A.shape}); see initializers.helfrich")
        D = np.ones(len(A)) if D is None else D
        if D.shape != A.shape[:1]:
            raise UsageError(f"D must have shape {A.shape[:1]} (got {D.shape}); use initializers.signs(n, k)")
        for place in np.flatnonzero(np.abs(D) != 1)[:1]:
            raise UsageError(f"D must be ±1 (got {D[place]:g} at {place}); use initializers.signs(n, k)")
        super().__init__(A=A)
        self.buffers["D"] = D

    def matrix(self):
        S = skew(self.params["A"])                                  # (Y1)
        K = cayley(S)                                               # (Y2)
        W = K * self.buffers["D"]                                   # (Y3)
        return W, K

    def pullback(self, dW, cache):
        K = cache
        twice_inverse = K + np.identity(K.shape[0], dtype=K.dtype, like=K)
        dK = dW * self.buffers["D"]                                 # (Y4) undoes (Y3)
        Z = twice_inverse.T @ dK / 2                                # (Y5)
        dS = -Z @ twice_inverse.T                                   # (Y6) undoes (Y2)
        dA = skew_coordinates(dS)                                   # (Y7) undoes (Y1)
        return {"A": dA}

    @classmethod
    def examples(cls, n, rng):
        yield "A = 0", cls(np.zeros((n, n)))
        yield "random", cls(rng.standard_normal((n, n)))
        yield "large", cls(4 * rng.standard_normal((n, n)))
        yield "signs", cls(rng.standard_normal((n, n)), np.where(np.arange(n) % 2, -1.0, 1.0))
