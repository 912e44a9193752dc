"""RMSprop."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.optimizers.base import Rule


class RMSprop(Rule):
    """s ← ρ s + (1 − ρ) g² (V1), x ← x − lr g / (√s + ε) (V2).  [tieleman2012, lecture 6.5]

    rho    ρ, decay of the mean square, 0.9 in the lecture
    eps    ε, outside the root; the lecture has none, and √s alone divides by zero where a gradient has always been zero
    """

    summary = "gradient divided by its running root mean square"
    slots = ("s",)

    def __init__(self, lr: float, rho: float = 0.9, eps: float = 1e-8) -> None:
        super().__init__(lr)
        if not 0 <= rho < 1:
            raise UsageError(f"rho must lie in [0, 1) (got {rho})")
        self.rho, self.eps = rho, eps

    def update(self, x, g, memory, t):
        s = memory["s"]
        s[...] = self.rho * s + (1 - self.rho) * g * g              # (V1)
        x -= self.lr * g / (np.sqrt(s) + self.eps)                  # (V2)
