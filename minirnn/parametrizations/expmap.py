"""Orthogonal matrices as exponentials of skew-symmetric ones, with the exact gradient, by products and one inverse."""

import math

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.linalg import newton_schulz, skew, skew_coordinates, symmetric
from minirnn.parametrizations.base import Parametrization

DEGREE = 9
PADE = [
    math.comb(DEGREE, k) * math.factorial(2 * DEGREE - k) / math.factorial(2 * DEGREE) for k in range(DEGREE + 1)
]       # b_0 = 1, b_1 = 1/2, ..


class ExpMap(Parametrization):
    """W = exp(B) with B skew-symmetric, so W is orthogonal with det W = +1.  [chu, sec. 4; lezcano2019]

    By the Padé quotient of degree 9 over 9 [moler2003, sec. 3, method 2; higham2005]. It is orthogonal like that of
    degree 1, the Cayley transform. With A the strict upper triangle, s as B demands, and a_k = b_k / 2ˢᵏ:

        B = Σ_{i<j} a_ij (E_ij − E_ji)                             (X1)
        B₂ = B²,  B₄ = B₂²,  B₆ = B₂ B₄,  B₈ = B₄²                 (X2)  symmetric
        V = a₀ I + a₂ B₂ + a₄ B₄ + a₆ B₆ + a₈ B₈                   (X3)  symmetric
        F = a₁ I + a₃ B₂ + a₅ B₄ + a₇ B₆ + a₉ B₈                   (X4)  symmetric
        U = B F                                                    (X5)  skew-symmetric: V − U = (V + U)ᵀ
        W₀ = (V − U)⁻¹ (V + U)                                     (X6)  exp(B / 2ˢ), to rounding
        W_j = W_{j-1} W_{j-1},  j = 1 .. s                         (X7)  W = W_s

    Backward, with R = (V − U)⁻¹ and sym G = (G + Gᵀ)/2:

        W̄_{j-1} = W̄_j W_{j-1}ᵀ + W_{j-1}ᵀ W̄_j                      (X8)  undoes (X7)
        Y = Rᵀ W̄₀                                                  (X9)  (V − U) dW₀ = dV + dU − (dV − dU) W₀
        V̄ = Y − Y W₀ᵀ                                              (X10) undoes (X6) in V
        Ū = Y + Y W₀ᵀ                                              (X11) undoes (X6) in U
        F̄ = −B Ū                                                   (X12) undoes (X5) in F
        B̄₄ = sym(a₄ V̄ + a₅ F̄ + B₂ B̄₆ + 2 B₄ B̄₈)                    (X13) undoes (X3), (X4), (X2), likewise:
              B̄₆ = sym(a₆ V̄ + a₇ F̄),  B̄₈ = sym(a₈ V̄ + a₉ F̄)
        B̄₂ = sym(a₂ V̄ + a₃ F̄ + B₄ B̄₆ + 2 B₂ B̄₄)                    (X14) undoes (X3), (X4), (X2)
        B̄ = Ū F − 2 B B̄₂                                           (X15) undoes (X5) in B, and B₂ = B² where B is skew
        ā_ij = B̄_ij − B̄_ji,  i < j                                 (X16) undoes (X1)

    params    A (n, n): the strict upper triangle is read, the rest is ignored and its gradient is zero
    pullback  W̄ (n, n) -> {"A": (n, n)}    cost: forward an inverse and 6 + s products of n x n matrices (if s > 0, two
              more to polish), backward 9 + 2s, once per sequence; on a device, not asked for s, as for the largest s
    raises    UsageError if A is not square or not real. W is NaN where ‖B⁸‖₁^⅛ > 11,619 in float32, 1.2e8 in float64
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
        B2 = -(B @ B.T)                                             # (X2) of M Mᵀ BLAS makes but one triangle
        B4 = B2 @ B2.T
        B6 = B2 @ B4
        B8 = B4 @ B4.T
        again, h = scaling(B8)
        a = [b * h**k for k, b in enumerate(PADE)]
        one = np.identity(len(B), dtype=B.dtype, like=B)
        V = a[0] * one + a[2] * B2 + a[4] * B4 + a[6] * B6 + a[8] * B8    # (X3)
        F = a[1] * one + a[3] * B2 + a[5] * B4 + a[7] * B6 + a[9] * B8    # (X4)
        U = B @ F                                                   # (X5)
        R = backend.inverse(V - U)
        W = W0 = R @ (V + U)                                        # (X6)
        roots = []
        for j in range(len(again)):
            if backend.may(again[j]):
                roots.append((again[j], W))
                W = backend.choose(again[j], W @ W, W)              # (X7)
        if backend.may(again[0]):                                   # squaring doubles the rounding error; this ends it
            W = backend.choose(again[0], newton_schulz(W), W)
        return W, (B, B2, B4, a, F, R, W0, roots)

    def pullback(self, dW, cache):
        B, B2, B4, a, F, R, W0, roots = cache
        for again, W in reversed(roots):
            dW = backend.choose(again, dW @ W.T + W.T @ dW, dW)     # (X8) undoes (X7)
        Y = R.T @ dW                                                # (X9)
        YW = Y @ W0.T
        dV = Y - YW                                                 # (X10) undoes (X6) in V
        dU = Y + YW                                                 # (X11) undoes (X6) in U
        dF = -(B @ dU)                                              # (X12) undoes (X5) in F
        dB8 = symmetric(a[8] * dV + a[9] * dF)
        dB6 = symmetric(a[6] * dV + a[7] * dF)
        dB4 = symmetric(a[4] * dV + a[5] * dF + B2 @ dB6 + 2 * (B4 @ dB8))    # (X13) undoes (X3), (X4), (X2)
        dB2 = symmetric(a[2] * dV + a[3] * dF + B4 @ dB6 + 2 * (B2 @ dB4))    # (X14) undoes (X3), (X4), (X2)
        dB = dU @ F - 2 * (B @ dB2)                                 # (X15) undoes (X5) in B, (X2)
        dA = skew_coordinates(dB)                                   # (X16) undoes (X1)
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


def scaling(B8):
    """(again, 2⁻ˢ): again[j] says whether to square a j-th time. s of them do, where ‖B‖ = ‖B⁸‖₁^⅛ ≥ ‖B‖₂ and

        2ʲ θ < ‖B‖,  j = 0, 1, ..

    Of an angle t the quotient makes t ± c t¹⁹/19 .., c = (9!/18!)², and the gradient sees the derivative of that: c θ¹⁸
    is at the rounding ε of the type for θ = (√ε 18!/9!)^(1/9), which is 5.67 in single and 1.86 in double.
    s squares leave an error 2ˢ ε, of which the last step leaves the square: rounding, as long as 2²ˢ ε ≤ 1. So there
    are 11 (single) or 26 (double) j, and 2⁻ˢ is NaN where more would be needed.
    """
    eps = np.finfo(B8.dtype).eps
    theta, most = (math.sqrt(eps) * math.perm(2 * DEGREE, DEGREE)) ** (1 / DEGREE), int(-math.log2(eps)) // 2
    limits = theta**8 * 256.0 ** np.arange(most + 1, dtype=B8.dtype, like=B8)
    wanted = np.max(np.sum(np.abs(B8), axis=0)) > limits            # 2ʲ θ < ‖B‖, to the eighth power
    h = np.exp2(-np.sum(wanted, dtype=B8.dtype))
    return wanted[:most], h * np.where(wanted[most], np.nan, 1).astype(B8.dtype)
