"""Descent along the Stiefel manifold by Cayley transforms."""

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.linalg import cayley, generator, reorthogonalised
from minirnn.optimizers.base import Rule, as_real


class Geodesic(Rule):
    """M ← (I + η/2 A)⁻¹ (I − η/2 A) M, A = G Mᴴ − M Gᴴ skew-Hermitian, G = ∂L/∂M.  [tagare2011; wen2013; wisdom2016]

        A = G Mᴴ − M Gᴴ                                            (J1)
        M ← (I + η/2 A)⁻¹ (I − η/2 A) M                            (J2)  an orthogonal (unitary) matrix times M

    For M n x p with p < n/2, A = U Vᴴ has rank 2p, and the Woodbury identity leaves a system of that size:

        U = [G, M],  V = [M, −G]                                   (J3)
        M ← M − η U (I + η/2 VᴴU)⁻¹ VᴴM                            (J4)  the same step

    MᴴM does not change, nor does det M of a real M, and dL/dη = −½ ‖A‖²_F at η = 0: descent for every loss. Each step
    adds rounding, which piles up as √steps; in float32 that is 4e-5 after 1,000 steps. So every `correct_every` steps:

        M ← 3/2 M − 1/2 M (MᴴM)                                    (J5)  Newton–Schulz; the polar factor if far off

    normalise      "none", or "rms": before (J1), G is divided entry by entry by its running root mean square, as in
                   the program of [wisdom2016] for images. M still stays on the manifold; descent is then not guaranteed
    rho, eps       of that mean square, s ← ρ s + (1 − ρ) g² (J6), and of the root, g/(√s + ε) (J7)
    correct_every  steps between corrections of rounding; 0 never corrects
    Differs: [vorontsov2017, eq. 9] prints M + (...) for the product in (J2); that sum is not orthogonal.
    Derivation: docs/derivations/geodesic.md
    """

    summary = "Cayley steps along the Stiefel (unitary) manifold"
    manifolds = frozenset({"stiefel", "unitary"})
    entrywise = False

    def __init__(
        self, lr: float, normalise: str = "none", rho: float = 0.9, eps: float = 1e-8, correct_every: int = 100
    ) -> None:
        super().__init__(lr)
        if normalise not in ("none", "rms"):
            raise UsageError(f"normalise must be 'none' or 'rms' (got {normalise!r})")
        if not 0 <= rho < 1:
            raise UsageError(f"rho must lie in [0, 1) (got {rho})")
        if correct_every < 0:
            raise UsageError(f"correct_every must be positive, or 0 to never correct (got {correct_every})")
        self.normalise, self.rho, self.eps, self.correct_every = normalise, rho, eps, correct_every
        self.slots = ("s",) if normalise == "rms" else ()

    def update(self, x, g, memory, t):
        if self.normalise == "rms":
            s, pairs = memory["s"], as_real(g.copy())
            s[...] = self.rho * s + (1 - self.rho) * pairs * pairs  # (J6)
            pairs /= np.sqrt(s) + self.eps                          # (J7)
            g = pairs.view(x.dtype)
        step = self.woodbury_step if 2 * x.shape[1] < x.shape[0] else self.full_step
        x[...] = step(x, g, self.lr)
        if self.correct_every and t % self.correct_every == 0:
            x[...] = reorthogonalised(x)                            # (J5)

    @staticmethod
    def full_step(M, G, lr):
        """The step by one n x n system."""
        A = generator(G, M)                                         # (J1)
        return cayley(lr / 2 * A, M)                                # (J2)

    @staticmethod
    def woodbury_step(M, G, lr):
        """The same step by one 2p x 2p system."""
        U, V = np.concatenate([G, M], axis=1), np.concatenate([M, -G], axis=1)      # (J3)
        Vh = V.conj().T
        small = np.identity(U.shape[1], dtype=M.dtype, like=M) + lr / 2 * (Vh @ U)
        return M - lr * U @ backend.solve(small, Vh @ M)            # (J4)
