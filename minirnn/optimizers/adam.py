"""Adam."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.optimizers.base import Rule


class Adam(Rule):
    """Adaptive moment estimation.  [kingma2015, Algorithm 1]

        m ← β₁ m + (1 − β₁) g                          (M1)
        v ← β₂ v + (1 − β₂) g²                         (M2)
        x ← x − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)   (M3)  both means start at zero; the divisions undo that bias

    beta1, beta2    decay of the two means
    eps             ε, outside the root and after the correction, as in the paper

    Derivation: docs/derivations/optimizers.md
    """

    summary = "adaptive moment estimation"
    slots = ("m", "v")

    def __init__(self, lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        super().__init__(lr)
        for name, beta in (("beta1", beta1), ("beta2", beta2)):
            if not 0 <= beta < 1:
                raise UsageError(f"{name} must lie in [0, 1) (got {beta})")
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def update(self, x, g, memory, t):
        m, v = memory["m"], memory["v"]
        m += (1 - self.beta1) * (g - m)                             # (M1)
        v += (1 - self.beta2) * (g * g - v)                         # (M2)
        root = np.sqrt(v / (1 - self.beta2**t)) + self.eps
        x -= self.lr / (1 - self.beta1**t) * m / root               # (M3)
