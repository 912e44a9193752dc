"""A unitary matrix as a product of seven cheap ones."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import uniform
from minirnn.linalg import reflect, reflection_gradient
from minirnn.parametrizations.base import Parametrization


class UnitaryProduct(Parametrization):
    """W = D₃ R₂ F⁻¹ D₂ Π R₁ F D₁, unitary with 7n real numbers.  [arjovsky2016]

    D_k = diag(e^{iθ_k}); F the unitary Fourier transform; R_k = I − 2 v_k v_kᴴ/‖v_k‖²; Π y_j = x_{π(j)}, fixed.
    From the right to the left, applied to the columns of I:

        M = D₁                             (UP1)
        M ← F M                            (UP2)
        M ← R₁ M                           (UP3)
        M ← Π M                            (UP4)
        M ← D₂ M                           (UP5)
        M ← F⁻¹ M                          (UP6)
        M ← R₂ M                           (UP7)
        W = D₃ M                           (UP8)

    Backward. For Y = A X with a unitary A, X̄ = AᴴȲ and X = AᴴY: the same map takes the gradient to the factor's input
    and recovers that input. So the pair S = (Y, Ȳ) walks back through the factors, and nothing but W is cached:

        S = (W, W̄)
        θ̄₃ = Σ Im(Y* ∘ Ȳ)                  (UP9)  undoes (UP8) in θ₃; over columns, like all Σ here
        S ← D₃ᴴ S                          (UP10) undoes (UP8)
        v̄₂ from Ȳ and R₂Y                  (UP11) undoes (UP7) in v₂: see `linalg.reflection_gradient`
        S ← R₂ S                           (UP12) undoes (UP7): R₂ = R₂ᴴ = R₂⁻¹
        S ← F S                            (UP13) undoes (UP6)
        θ̄₂ = Σ Im(Y* ∘ Ȳ)                  (UP14) undoes (UP5) in θ₂
        S ← D₂ᴴ S                          (UP15) undoes (UP5)
        S ← Π⁻¹ S                          (UP16) undoes (UP4)
        v̄₁ from Ȳ and R₁Y                  (UP17) undoes (UP3) in v₁
        S ← R₁ S                           (UP18) undoes (UP3)
        S ← F⁻¹ S                          (UP19) undoes (UP2)
        θ̄₁ = Σ Im(Y* ∘ Ȳ)                  (UP20) undoes (UP1)

    params    theta (3, n) real: θ₁, θ₂, θ₃; v (2, n) complex: v₁, v₂, whose length and phase do not matter
    buffers   permutation (n,) integers
    pullback  W̄ (n, n) -> theta, v     cost: four Fourier transforms of n columns, O(n² log n), once per sequence
    raises    UsageError if the shapes or kinds do not fit, or a reflection vector is zero
    Derivation: docs/derivations/unitary_product.md
    """

    summary = "unitary, a product of phases, reflections, Fourier transforms and a permutation: 7n numbers"
    orthogonal = True

    def __init__(self, theta, v, permutation):
        n = theta.shape[-1]
        if theta.shape != (3, n) or np.iscomplexobj(theta):
            raise UsageError(f"theta must be real, three rows of n angles (got {theta.dtype}, shape {theta.shape})")
        if v.shape != (2, n) or not np.iscomplexobj(v) or not np.all(np.any(v != 0, axis=1)):
            raise UsageError(f"v must be complex, two non-zero rows of {n} entries (got {v.dtype}, shape {v.shape})")
        if not np.array_equal(np.sort(permutation), np.arange(n)):
            raise UsageError(f"permutation must hold each of 0 .. {n - 1} once; see numpy.random.Generator.permutation")
        super().__init__(theta=theta, v=v)
        self.buffers["permutation"] = permutation

    @classmethod
    def random(cls, n, rng):
        """θ from U(−π, π), both parts of v from U(±√(6/(2 + 2n))), a random permutation.  [arjovsky2016]"""
        bound = np.sqrt(6 / (2 + 2 * n))
        v = uniform((2, n), bound, rng) + 1j * uniform((2, n), bound, rng)
        return cls(uniform((3, n), np.pi, rng), v, rng.permutation(n))

    def matrix(self):
        v, phases = self.params["v"], self._phases()
        M = np.identity(v.shape[1], dtype=v.dtype, like=v) * phases[0]      # (UP1)
        M = _fft(M)                                                 # (UP2)
        M = reflect(v[0], M)                                        # (UP3)
        M = M[self.buffers["permutation"]]                          # (UP4)
        M = phases[1][:, None] * M                                  # (UP5)
        M = _ifft(M)                                                # (UP6)
        M = reflect(v[1], M)                                        # (UP7)
        W = phases[2][:, None] * M                                  # (UP8)
        return W, W

    def pullback(self, dW, cache):
        v, phases = self.params["v"], self._phases()
        W, back = cache, np.argsort(self.buffers["permutation"])
        S = np.stack([W, dW])
        dtheta3 = np.sum((S[0].conj() * S[1]).imag, axis=1)         # (UP9) undoes (UP8) in θ₃
        S = phases[2].conj()[:, None] * S                           # (UP10) undoes (UP8)
        dv2 = reflection_gradient(v[1], S[0], S[1])                 # (UP11) undoes (UP7) in v₂
        S = reflect(v[1], S)                                        # (UP12) undoes (UP7)
        S = _fft(S)                                                 # (UP13) undoes (UP6)
        dtheta2 = np.sum((S[0].conj() * S[1]).imag, axis=1)         # (UP14) undoes (UP5) in θ₂
        S = phases[1].conj()[:, None] * S                           # (UP15) undoes (UP5)
        S = S[:, back]                                              # (UP16) undoes (UP4)
        dv1 = reflection_gradient(v[0], S[0], S[1])                 # (UP17) undoes (UP3) in v₁
        S = reflect(v[0], S)                                        # (UP18) undoes (UP3)
        S = _ifft(S)                                                # (UP19) undoes (UP2)
        dtheta1 = np.sum((S[0].conj() * S[1]).imag, axis=1)         # (UP20) undoes (UP1)
        return {"theta": np.stack([dtheta1, dtheta2, dtheta3]), "v": np.stack([dv1, dv2])}

    def _phases(self):
        """e^{iθ} (3, n)."""
        return np.exp(1j * self.params["theta"])

    @classmethod
    def sized(cls, n, rng):
        return cls.random(n, rng)

    @classmethod
    def examples(cls, n, rng):
        yield "random", cls.random(n, rng)
        yield "long reflection vectors", cls(np.zeros((3, n)), 7 * cls.random(n, rng).params["v"], np.arange(n))
        yield "even n", cls.random(4, rng)


def _fft(M):
    """F M, F unitary: the discrete Fourier transform of every column, divided by √n."""
    return np.fft.fft(M, axis=-2, norm="ortho")


def _ifft(M):
    """F⁻¹ M = Fᴴ M."""
    return np.fft.ifft(M, axis=-2, norm="ortho")
