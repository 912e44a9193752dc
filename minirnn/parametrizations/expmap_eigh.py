"""The exponential map by an eigendecomposition: slower, and what the fast one is compared with."""

import numpy as np

from minirnn import backend
from minirnn.linalg import skew, skew_coordinates
from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.expmap import ExpMap


class ExpMapEigh(Parametrization):
    """W = exp(B) as `ExpMap`, by an eigendecomposition.  [daleckii1965]

    iB is Hermitian, so one eigendecomposition gives exponential and derivative alike. With A the strict upper triangle:

        B = Σ_{i<j} a_ij (E_ij − E_ji)                             (H1)
        iB = V diag(ω) Vᴴ                                          (H2)
        p = e^{−iω/2}                                              (H3)  the square roots of W's eigenvalues
        W = Re V diag(p²) Vᴴ                                       (H4)

    Backward: with φ_jk = (e^{λ_j} − e^{λ_k})/(λ_j − λ_k), λ = −iω, the differential is dW = V (φ ∘ Vᴴ dB V) Vᴴ
    (Daleckii and Krein), and its adjoint has φ*. The difference quotient cancels badly for close eigenvalues; factoring
    out the mean phase leaves a form without division, right also when they coincide (sinc x = sin x / x):

        φ_jk = p_j p_k sinc((ω_j − ω_k)/2)                         (H5)
        B̄ = Re V (φ* ∘ Vᴴ W̄ V) Vᴴ                                  (H6)  adjoint of dB → dW
        ā_ij = B̄_ij − B̄_ji,  i < j                                 (H7)  undoes (H1)

    params    A (n, n): the strict upper triangle is read, the rest is ignored and its gradient is zero
    pullback  W̄ (n, n) -> {"A": (n, n)}    cost: one Hermitian eigendecomposition, O(n³), and five products per sequence
    raises    UsageError if A is not square or not real
    Derivation: docs/derivations/expmap_eigh.md
    """

    summary = "expmap by an eigendecomposition, its reference: slower, and without a series"
    orthogonal = True

    def __init__(self, A):
        ExpMap(A)                                                   # checks A
        super().__init__(A=A)

    def matrix(self):
        B = skew(self.params["A"])                                  # (H1)
        omega, V = backend.eigh(1j * B)                             # (H2)
        p = np.exp(-0.5j * omega)                                   # (H3)
        W = ((V * (p * p)) @ V.conj().T).real                       # (H4)
        return W.copy(), (omega, V, p)

    def pullback(self, dW, cache):
        omega, V, p = cache
        gap = omega[:, None] - omega[None, :]
        phi = p[:, None] * p[None, :] * np.sinc(gap / (2 * np.pi))  # (H5) np.sinc(x) is sin(πx)/(πx)
        dB = (V @ (phi.conj() * (V.conj().T @ dW @ V)) @ V.conj().T).real   # (H6) undoes (H4), (H3), (H2)
        dA = skew_coordinates(dB)                                   # (H7) undoes (H1)
        return {"A": dA}

    @classmethod
    def examples(cls, n, rng):
        for label, p in ExpMap.examples(n, rng):
            yield label, cls(p.params["A"])
