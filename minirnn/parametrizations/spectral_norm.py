"""A matrix divided by its largest singular value, found by a power iteration that advances with training."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import uniform
from minirnn.linalg import power_iteration
from minirnn.parametrizations.base import Parametrization


class SpectralNorm(Parametrization):
    """W = M / σ(M), so that ‖W‖₂ = 1: no state is ever amplified in one step.  [miyato2018, sec. 2.1]

    u and v, the leading singular vectors, are kept between updates; `after_update` advances them by power iterations
    M v → u, Mᴴ u → v, which track M as it slowly moves. Within a sequence they are constants:

        σ = Re uᴴ M v                                               (P1)
        W = M / σ                                                   (P2)

    Backward. M enters twice, in the numerator and through σ; dσ = Re uᴴ dM v, so σ̄ = −Re⟨W̄, W⟩/σ reaches M along
    u vᴴ. This is exact for the computed W at any u, v; for the true M/‖M‖₂ it is exact once they have converged.

        R = Re Σ W̄* ⊙ W                                             (P3)  how much of W̄ only rescales
        M̄ = (W̄ − R u vᴴ) / σ                                        (P4)  undoes (P2), (P1)

    params    M (rows, columns), real or complex, not zero
    buffers   u (rows,), v (columns,), exact at construction
    steps     power iterations per update, each two matrix-vector products
    pullback  W̄ -> {"M": ...}     cost: O(rows x columns)
    raises    UsageError if M is zero or not a matrix, or steps < 1
    Differs: the power iteration advances after the update instead of inside the forward pass, so that two evaluations
    of one model agree.   Derivation: docs/derivations/spectral_norm.md
    """

    summary = "W = M / ‖M‖₂, largest singular value one"

    def __init__(self, M, steps=1):
        if M.ndim != 2 or not np.any(M):
            raise UsageError(f"spectral-norm needs a matrix M that is not zero (got shape {M.shape}); use glorot")
        if steps < 1:
            raise UsageError(f"steps must be at least 1 (got {steps}), or the norm would not follow M")
        super().__init__(M=M)
        U, _, Vh = np.linalg.svd(M, full_matrices=False)
        self.buffers = {"u": U[:, 0].copy(), "v": Vh[0].conj()}
        self.steps = steps

    def matrix(self):
        M, u, v = self.params["M"], self.buffers["u"], self.buffers["v"]
        sigma = (u.conj() @ (M @ v)).real                           # (P1)
        W = M / sigma                                               # (P2)
        return W, (W, sigma, u, v)

    def pullback(self, dW, cache):
        W, sigma, u, v = cache
        R = np.sum((dW.conj() * W).real)                            # (P3)
        dM = (dW - R * u[:, None] * v.conj()) / sigma               # (P4) undoes (P2), (P1)
        return {"M": dM}

    def after_update(self):
        for _ in range(self.steps):
            self.buffers["u"], self.buffers["v"] = power_iteration(self.params["M"], self.buffers["v"])

    @classmethod
    def sized(cls, n, rng):
        return cls(uniform((n, n), 1 / np.sqrt(n), rng))

    @classmethod
    def examples(cls, n, rng):
        yield "square", cls(rng.standard_normal((n, n)))
        yield "tall", cls(rng.standard_normal((2 * n, n)))
        yield "rank one", cls(np.outer(rng.standard_normal(n), rng.standard_normal(n)))
        moved = cls(rng.standard_normal((n, n)))
        moved.params["M"] = rng.standard_normal((n, n))
        moved.steps = 2
        moved.after_update()
        yield "not converged", moved
