"""A matrix as orthogonal factors around a spectrum that cannot leave a margin around 1."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import orthogonal
from minirnn.linalg import orthogonality_error, sigmoid
from minirnn.parametrizations.base import Parametrization


class SVDMargin(Parametrization):
    """W = U diag(s) Vᵀ with every singular value s_i inside (1 − m, 1 + m).  [vorontsov2017, eqs. 8 and 10]

        s = 1 + 2m (σ(p) − 1/2)                                    (M1)  s = 1 if m = 0; s is free if m is None
        W = U diag(s) Vᵀ                                           (M2)

    Backward: dW = dU diag(s) Vᵀ + U diag(ds) Vᵀ + U diag(s) dVᵀ, and ⟨W̄, dW⟩ term by term gives

        R = W̄ V                                                    (M3)
        Ū = R diag(s)                                              (M4)  undoes (M2)
        V̄ = W̄ᵀ U diag(s)                                           (M5)  undoes (M2)
        s̄_i = Σ_k U_ki R_ki                                        (M6)  diag(Uᵀ W̄ V), undoes (M2)
        p̄ = 2m σ(p) (1 − σ(p)) s̄                                   (M7)  undoes (M1)

    U and V are free only on the Stiefel manifold: a rule such as `geodesic` turns Ū, V̄ into steps along it.
    params    U (n, n), V (n, n) orthogonal, tagged "stiefel"; p (n,), absent if m = 0; s (n,) in its place if m is None
    margin    m, or None for a free spectrum; the argument p is where p, or s, starts (p = 0, s = 1 if not given)
    pullback  W̄ (n, n) -> their gradients     cost: two products per sequence, forward one
    raises    UsageError if U or V is not orthogonal, or m is negative; if m > 1, where s may become negative (then s
              are no singular values, and zero is crossed), unless allow_negative: the paper's m = 10 and 100 need it
    Derivation: docs/derivations/svd_margin.md
    """

    summary = "W = U diag(s) Vᵀ, singular values within a margin of 1"

    def __init__(self, U, V, margin=0.1, p=None, allow_negative=False):
        n = len(U)
        for name, M in (("U", U), ("V", V)):
            if M.shape != (n, n) or not orthogonality_error(M) < 1e-3:
                raise UsageError(f"{name} must be orthogonal, {n} x {n} (got {M.shape}); see initializers.orthogonal")
        if margin is not None and margin < 0:
            raise UsageError(f"the margin must not be negative (got {margin}); 0 is exactly orthogonal, None is free")
        if margin is not None and margin > 1 and not allow_negative:
            raise UsageError(
                f"a margin above 1 lets s become negative (got {margin}); choose at most 1, None for a free spectrum, "
                "or allow_negative=True"
            )
        super().__init__(U=U, V=V)
        self.margin = margin
        self.manifold = {"U": "stiefel", "V": "stiefel"}
        if margin is None:
            self.params["s"] = np.ones(n) if p is None else p
        elif margin > 0:
            self.params["p"] = np.zeros(n) if p is None else p

    def spectrum(self):
        """s (n,), the singular values (up to sign where m > 1 or None allow it)."""
        if "p" in self.params:
            s = 1 + 2 * self.margin * (sigmoid(self.params["p"]) - 0.5)    # (M1)
            return s
        return self.params["s"] if "s" in self.params else np.zeros_like(self.params["U"][0]) + 1

    def matrix(self):
        s = self.spectrum()
        W = (self.params["U"] * s) @ self.params["V"].T             # (M2)
        return W, s

    def pullback(self, dW, cache):
        U, V, s = self.params["U"], self.params["V"], cache
        R = dW @ V                                                  # (M3)
        dU = R * s                                                  # (M4) undoes (M2)
        dV = (dW.T @ U) * s                                         # (M5) undoes (M2)
        if self.margin == 0:
            return {"U": dU, "V": dV}
        ds = np.sum(U * R, axis=0)                                  # (M6) undoes (M2)
        if self.margin is None:
            return {"U": dU, "V": dV, "s": ds}
        sigma = sigmoid(self.params["p"])
        dp = 2 * self.margin * sigma * (1 - sigma) * ds             # (M7) undoes (M1)
        return {"U": dU, "V": dV, "p": dp}

    @classmethod
    def sized(cls, n, rng):
        return cls(orthogonal((n, n), rng), orthogonal((n, n), rng))

    @classmethod
    def examples(cls, n, rng):
        def build(margin, p=None):
            return cls(orthogonal((n, n), rng), orthogonal((n, n), rng), margin, p, allow_negative=True)

        yield "m = 0", build(0)
        yield "m = 0.1", build(0.1, rng.standard_normal(n))
        yield "m = 1", build(1, rng.standard_normal(n))
        yield "m = 10", build(10, rng.standard_normal(n))
        yield "no margin", build(None, 1 + 0.5 * rng.standard_normal(n))
