"""Descent on the orthogonal matrices by exponentials."""

from minirnn.errors import UsageError
from minirnn.linalg import generator, reorthogonalised
from minirnn.optimizers.base import Rule
from minirnn.parametrizations.expmap import ExpMap


class PlumbleyMultiplicative(Rule):
    """W ← exp(−η P) W, P = G Wᵀ − W Gᵀ, G = ∂L/∂W, W square.  [plumbley2004, sec. 4]

        P = G Wᵀ − W Gᵀ                                            (F1)  skew-symmetric
        W ← exp(−η P) W                                            (F2)  along the geodesic, exactly

    dL/dη = −½ ‖P‖²_F at η = 0, as for `geodesic`, whose step differs in third order only: (I + X/2)⁻¹ (I − X/2) =
    e^{−X} − X³/12 + ..., X = ηP. It costs expmap's products where that one solves a system. What the
    parametrization `plumbley` makes of the same P, by adding it to B, is another path, and not always descent.

    correct_every  steps between Newton–Schulz corrections of rounding (F3); 0 never corrects
    Derivation: docs/derivations/plumbley_multiplicative.md
    """

    summary = "W ← exp(−η P) W along the orthogonal matrices"
    manifolds = frozenset({"stiefel"})
    entrywise = False

    def __init__(self, lr: float, correct_every: int = 100) -> None:
        super().__init__(lr)
        if correct_every < 0:
            raise UsageError(f"correct_every must be positive, or 0 to never correct (got {correct_every})")
        self.correct_every = correct_every

    def update(self, x, g, memory, t):
        if x.shape[0] != x.shape[1]:
            raise UsageError(f"plumbley-multiplicative moves square matrices (got {x.shape}); use geodesic")
        P = generator(g, x)                                         # (F1)
        rotation, _ = ExpMap(-self.lr * P).matrix()
        x[...] = rotation @ x                                       # (F2)
        if self.correct_every and t % self.correct_every == 0:
            x[...] = reorthogonalised(x)                            # (F3)
