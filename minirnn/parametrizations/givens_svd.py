"""A matrix by its singular value decomposition, with packed rotations for both orthogonal factors."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.givens import Givens


class GivensSVD(Parametrization):
    """W = U diag(s) Vᵀ, with U and V products of packed rotations and s free.  [dorobantu2016, secs. 5.1 and 5.3]

        W = U diag(s) Vᵀ                                            (V1)

    Backward: dW = dU diag(s) Vᵀ + U diag(ds) Vᵀ + U diag(s) dVᵀ, so with v̄ = ∂L/∂v

        Ū = W̄ V diag(s)                                             (V2)  undoes (V1), then U's own pullback
        V̄ = W̄ᵀ U diag(s)                                            (V3)  undoes (V1), then V's own pullback
        s̄ = diag(Uᵀ W̄ V)                                            (V4)  undoes (V1)

    No update rule has to keep U and V orthogonal: every angle gives orthogonal factors. A penalty λ‖s − 1‖² on the
    spectrum, the paper's, is `regularizers.SpectralPrior`.

    children  U, V, each a `Givens` of n units, not per step
    params    s (n,), and the angles U.theta, V.theta
    pullback  W̄ (n, n) -> their gradients     cost: four products and two Givens pullbacks per sequence
    raises    UsageError if U and V differ in size, or are applied per step, or s does not fit
    Derivation: docs/derivations/givens_svd.md
    """

    summary = "W = U diag(s) Vᵀ, both factors packed rotations"

    def __init__(self, U, s, V):
        if U.n != V.n or s.shape != (U.n,) or U.per_step or V.per_step:
            raise UsageError(
                f"givens-svd needs two Givens of equal size, not per step, and as many singular values "
                f"(got n = {U.n} and {V.n}, s of shape {s.shape})"
            )
        super().__init__(s=s)
        self.U, self.V = U, V
        self.children = {"U": U, "V": V}

    def matrix(self):
        s = self.params["s"]
        (U, U_cache), (V, V_cache) = self.U.matrix(), self.V.matrix()
        W = (U * s) @ V.T                                           # (V1)
        return W, (U, U_cache, V, V_cache)

    def pullback(self, dW, cache):
        s, (U, U_cache, V, V_cache) = self.params["s"], cache
        dU = dW @ V * s                                             # (V2) undoes (V1)
        dV = dW.T @ U * s                                           # (V3) undoes (V1)
        ds = np.sum(U * (dW @ V), axis=0)                           # (V4) undoes (V1)
        grads = {"s": ds}
        for name, factor, d, found in (("U", self.U, dU, U_cache), ("V", self.V, dV, V_cache)):
            grads[f"{name}.theta"] = factor.pullback(d, found)["theta"]
        return grads

    @classmethod
    def sized(cls, n, rng):
        return cls(Givens.sized(n, rng), np.ones(n), Givens.sized(n, rng))

    @classmethod
    def examples(cls, n, rng):
        def rotation(size, K):
            return Givens(rng.standard_normal((K, size // 2)), size)

        yield "odd n", cls(rotation(5, 5), 1 + 0.3 * rng.standard_normal(5), rotation(5, 2))
        yield "even n", cls(rotation(4, 2), np.ones(4), rotation(4, 3))
        yield "a singular value of 0", cls(rotation(4, 2), np.array([2.0, 1, -1, 0]), rotation(4, 3))
