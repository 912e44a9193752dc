"""Orthogonal matrices as exponentials of skew-symmetric ones, with the exact gradient."""

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.linalg import skew, skew_coordinates
from minirnn.parametrizations.base import Parametrization


class ExpMap(Parametrization):
    """W = exp(B) with B skew-symmetric, so W is orthogonal with det W = +1.  [chu, sec. 4; daleckii1965]

    iB is Hermitian, so one eigendecomposition gives exponential and derivative alike. With A the strict upper triangle:

        B = Σ_{i<j} a_ij (E_ij − E_ji)                             (X1)
        iB = V diag(ω) Vᴴ                                          (X2)
        p = e^{−iω/2}                                              (X3)  the square roots of W's eigenvalues
        W = Re V diag(p²) Vᴴ                                       (X4)

    Backward: with φ_jk = (e^{λ_j} − e^{λ_k})/(λ_j − λ_k), λ = −iω, the differential is dW = V (φ ∘ Vᴴ dB V) Vᴴ
    (Daleckii and Krein), and its adjoint has φ*. The difference quotient cancels badly for close eigenvalues; factoring
    out the mean phase leaves a form without division, right also when they coincide (sinc x = sin x / x):

        φ_jk = p_j p_k sinc((ω_j − ω_k)/2)                         (X5)
        B̄ = Re V (φ* ∘ Vᴴ W̄ V) Vᴴ                                  (X6)  adjoint of dB → dW
        ā_ij = B̄_ij − B̄_ji,  i < j                                 (X7)  undoes (X1)

    params    A (n, n): the strict upper triangle is read, the rest is ignored and its gradient is zero
    pullback  W̄ (n, n) -> {"A": (n, n)}    cost: one Hermitian eigendecomposition, O(n³), and five products per sequence
    raises    UsageError if A is not square or not real
    Derivation: docs/derivations/expmap.md
    """

    summary = "orthogonal W = exp(B), B skew-symmetric, exact gradient"

    def __init__(self, A):
        if A.ndim != 2 or A.shape[0] != A.shape[1] or np.iscomplexobj(A):
            raise UsageError(f"expmap needs a real square A (got {A.dtype}, shape {A.shape}); see initializers.henaff")
        super().__init__(A=A)

    def matrix(self):
        B = skew(self.params["A"])                                  # (X1)
        omega, V = backend.eigh(1j * B)                             # (X2)
        p = np.exp(-0.5j * omega)                                   # (X3)
        W = ((V * (p * p)) @ V.conj().T).real                       # (X4)
        return W.copy(), (omega, V, p)

    def pullback(self, dW, cache):
        omega, V, p = cache
        gap = omega[:, None] - omega[None, :]
        phi = p[:, None] * p[None, :] * np.sinc(gap / (2 * np.pi))  # (X5) np.sinc(x) is sin(πx)/(πx)
        dB = (V @ (phi.conj() * (V.conj().T @ dW @ V)) @ V.conj().T).real   # (X6) undoes (X4), (X3), (X2)
        dA = skew_coordinates(dB)                                   # (X7) undoes (X1)
        return {"A": dA}

    @classmethod
    def examples(cls, n, rng):
        yield "A = 0", cls(np.zeros((n, n)))
        yield "small", cls(1e-9 * rng.standard_normal((n, n)))
        yield "random", cls(rng.standard_normal((n, n)))
        yield "large", cls(4 * rng.standard_normal((n, n)))
        blocks = np.zeros((n, n))
        for j in range(0, n - 1, 2):
            blocks[j, j + 1] = 0.7
        yield "equal eigenvalues", cls(blocks)
