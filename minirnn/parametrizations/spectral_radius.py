"""A matrix divided by the modulus of its largest eigenvalue: a bound in the long run, and none in a single step."""

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.initializers import uniform
from minirnn.parametrizations.base import Parametrization


class SpectralRadius(Parametrization):
    """W = M / ρ(M), so that no eigenvalue of W leaves the unit disk.  [sengupta2018; horn2013, thm. 6.3.12]

    ρ = |λ| for the eigenvalue λ of largest modulus; x and y are its right and left eigenvectors:

        M x = λ x,  yᴴ M = λ yᴴ                                     (R1)
        ρ = |λ|                                                     (R2)
        W = M / ρ                                                   (R3)

    Backward. Multiply dM x + M dx = dλ x + λ dx by yᴴ: the terms in dx cancel and dλ = yᴴ dM x / yᴴ x. With
    dρ = Re(λ* dλ)/|λ|, and v̄ for ∂L/∂v:

        D = Re(λ* y* xᵀ / (yᴴ x)) / ρ                               (R4)  ∂ρ/∂M
        R = Σ W̄ ⊙ W                                                 (R5)  how much of W̄ only rescales
        M̄ = (W̄ − R D) / ρ                                           (R6)  undoes (R3), (R2)

    ‖W‖₂ can be arbitrarily larger than ρ(W) = 1 unless W is normal, and then so is D: yᴴ x vanishes where eigenvalues
    meet in a defective pair. For a bound that holds at every step use `SpectralNorm`.

    params    M (n, n), real, with an eigenvalue other than 0
    pullback  W̄ (n, n) -> {"M": (n, n)}     cost: two eigendecompositions, about 50n³, per sequence
    raises    UsageError if M is not square and real, or nilpotent
    Derivation: docs/derivations/spectral_radius.md
    """

    summary = "W = M / ρ(M), largest eigenvalue on the unit circle"

    def __init__(self, M):
        if M.ndim != 2 or M.shape[0] != M.shape[1] or np.iscomplexobj(M):
            raise UsageError(f"spectral-radius needs a real square M (got {M.dtype}, shape {M.shape})")
        if np.max(np.abs(np.linalg.eigvals(M))) <= 1e-12 * np.linalg.norm(M):
            raise UsageError("spectral-radius needs an M with an eigenvalue other than 0 (got none); use spectral-norm")
        super().__init__(M=M)

    def matrix(self):
        M = self.params["M"]
        values, X = backend.eig(M)                                  # (R1)
        k = np.argmax(np.abs(values))
        lam, x = values[k], np.take(X, k, axis=1)
        rho = np.abs(lam)                                           # (R2)
        W = M / rho                                                 # (R3)
        return W, (W, lam, rho, x)

    def pullback(self, dW, cache):
        (W, lam, rho, x), M = cache, self.params["M"]
        y = _left_eigenvector(M, lam)
        D = (lam.conj() * y.conj()[:, None] * x / (y.conj() @ x)).real / rho     # (R4)
        R = np.sum(dW * W)                                          # (R5)
        dM = (dW - R * D) / rho                                     # (R6) undoes (R3), (R2)
        return {"M": dM}

    @classmethod
    def sized(cls, n, rng):
        return cls(uniform((n, n), 1 / np.sqrt(n), rng))

    @classmethod
    def examples(cls, n, rng):
        yield "real eigenvalue", cls(np.diag(np.arange(1.0, n + 1)) + 0.1 * rng.standard_normal((n, n)))
        A = rng.standard_normal((n, n))
        yield "complex pair", cls(A - A.T + 0.2 * rng.standard_normal((n, n)))
        yield "normal", cls(A + A.T)
        yield "far from normal", cls(np.triu(3 * A, 1) + np.diag(np.arange(1.0, n + 1)))
        rank = min(2, n - 1)
        yield "rank deficient", cls(A[:, :rank] @ A[:rank])


def _left_eigenvector(M, lam):
    """y with yᴴ M = λ yᴴ, which is Mᵀ y = λ* y, for real M: an eigenvector of Mᵀ."""
    values, Y = backend.eig(M.T)
    return np.take(Y, np.argmin(np.abs(values - lam.conj())), axis=1)
