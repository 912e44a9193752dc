"""Orthogonal matrices as exponentials of skew-symmetric ones, with the exact gradient, by products alone."""

import math

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.linalg import generator, newton_schulz, skew
from minirnn.parametrizations.base import Parametrization

DEGREE = 12


class ExpMap(Parametrization):
    """W = exp(B) with B skew-symmetric, so W is orthogonal with det W = +1.  [chu, sec. 4; lezcano2019]

    By scaling and squaring [moler2003, sec. 3, method 3]. With A the strict upper triangle, and s as B demands:

        B = Σ_{i<j} a_ij (E_ij − E_ji)                             (X1)
        X = 2⁻ˢ B                                                  (X2)
        E_0 = Σ_{k ≤ 12} Xᵏ / k!                                   (X3)  exp(X), to rounding
        E_j = E_{j-1} E_{j-1},  j = 1 .. s                         (X4)  exp(2ʲ X); W = E_s

    Backward: dW = D W with a skew-symmetric D, of which the loss sees P, twice the skew part of W̄ Wᵀ. A square hands P
    on to its root, and the derivative of exp at X is a series in repeated commutators with X:

        P = W̄ Wᵀ − W W̄ᵀ                                            (X5)  dL = ½⟨P, D⟩
        P ← P + E_jᵀ P E_j,  j = s-1 .. 0                          (X6)  undoes (X4)
        R_k = (R_{k-1} X − X R_{k-1}) / (k + 1),  R_0 = P          (X7)  one product: both are skew
        g = Σ_{k ≤ 12} R_k                                         (X8)  undoes (X3)
        ā_ij = 2⁻ˢ g_ij,  i < j                                    (X9)  undoes (X2), (X1)

    params    A (n, n): the strict upper triangle is read, the rest is ignored and its gradient is zero
    pullback  W̄ (n, n) -> {"A": (n, n)}    cost: 5 + s products of n x n matrices forward (and 2 to polish), 13 + 2s
              backward, once per sequence; on a device, which is not asked for s, as for the largest s
    raises    UsageError if A is not square or not real. W is NaN where ‖B⁴‖₁^¼ > 2,085 in float32, 1.4e7 in float64
    `ExpMapEigh` is the same map by an eigendecomposition: the reference.   Derivation: docs/derivations/expmap.md
    """

    summary = "orthogonal W = exp(B), B skew-symmetric, exact gradient"
    orthogonal = True

    def __init__(self, A):
        if A.ndim != 2 or A.shape[0] != A.shape[1] or np.iscomplexobj(A):
            raise UsageError(f"expmap needs a real square A (got {A.dtype}, shape {A.shape}); see initializers.henaff")
        super().__init__(A=A)

    def matrix(self):
        B = skew(self.params["A"])                                  # (X1)
        B2 = B @ B
        B4 = B2 @ B2
        again, h = scaling(B4)
        X = h * B                                                   # (X2)
        E = taylor(X, h * h * B2, h * h * h * h * B4)               # (X3)
        roots = []
        for j in range(len(again)):
            if backend.may(again[j]):
                roots.append((again[j], E))
                E = backend.choose(again[j], E @ E, E)              # (X4)
        if backend.may(again[0]):                                   # squaring doubles the rounding error; this ends it
            E = backend.choose(again[0], newton_schulz(E), E)
        return E, (X, h, roots, E)

    def pullback(self, dW, cache):
        X, h, roots, W = cache
        P = generator(dW, W)                                        # (X5)
        for again, E in reversed(roots):
            P = backend.choose(again, P + E.T @ P @ E, P)           # (X6) undoes (X4)
        R = g = P
        for k in range(1, DEGREE + 1):
            XR = X @ R
            R = (XR.T - XR) / (k + 1)                               # (X7) RX is (XR)ᵀ
            g = g + R                                               # (X8) undoes (X3)
        dA = h * np.triu(g, 1)                                      # (X9) undoes (X2), (X1)
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


def scaling(B4):
    """(again, 2⁻ˢ): again[j] says whether to square a j-th time. s of them do, where ‖B‖ = ‖B⁴‖₁^¼ ≥ ‖B‖₂ and

        2ʲ θ < ‖B‖,  j = 0, 1, ..

    The commutators of (X7) are the harder ones of the two series: their terms grow like (2θ)ᵏ/(k + 1)!. The first one
    left out, k = 13, is below the rounding ε of the type for 2θ = (ε 14!)^(1/13): θ = 1.02 in single, 0.22 in double.
    s squarings leave an error 2ˢ ε, of which the last step leaves the square: rounding, as long as 2²ˢ ε ≤ 1. So there
    are 11 (single) or 26 (double) j, and 2⁻ˢ is NaN where more would be needed.
    """
    eps = np.finfo(B4.dtype).eps
    theta, most = (eps * math.factorial(DEGREE + 2)) ** (1 / (DEGREE + 1)) / 2, int(-math.log2(eps)) // 2
    limits = theta**4 * 16.0 ** np.arange(most + 1, dtype=B4.dtype, like=B4)
    wanted = np.max(np.sum(np.abs(B4), axis=0)) > limits            # 2ʲ θ < ‖B‖, to the fourth power
    h = np.exp2(-np.sum(wanted, dtype=B4.dtype))
    return wanted[:most], h * np.where(wanted[most], np.nan, 1).astype(B4.dtype)


def taylor(X, X2, X4):
    """Σ_{k ≤ 12} Xᵏ/k! from X, X² and X⁴ with four products: p_0 + X⁴ (p_4 + X⁴ (p_8 + X⁴/12!)), p of degree 3.

    [paterson1973]
    """
    identity, X3 = np.identity(len(X), dtype=X.dtype, like=X), X @ X2

    def p(k):
        terms = zip((identity, X, X2, X3), range(k, k + 4), strict=True)
        return sum(M / math.factorial(i) for M, i in terms)

    return p(0) + X4 @ (p(4) + X4 @ (p(8) + X4 / math.factorial(DEGREE)))
