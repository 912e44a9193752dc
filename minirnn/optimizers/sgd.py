"""Stochastic gradient descent with momentum."""

from minirnn.errors import UsageError
from minirnn.optimizers.base import Rule


class SGD(Rule):
    """v ← μ v + g (G1), x ← x − lr v (G2).  [polyak1964; sutskever2013]

    momentum    μ, 0 <= μ < 1; at 0 the rule is plain gradient descent and remembers nothing

    Derivation: docs/derivations/optimizers.md
    """

    summary = "stochastic gradient descent, with momentum"

    def __init__(self, lr: float, momentum: float = 0.0) -> None:
        super().__init__(lr)
        if not 0 <= momentum < 1:
            raise UsageError(f"momentum must lie in [0, 1) (got {momentum})")
        self.momentum = momentum
        self.slots = ("v",) if momentum else ()

    def update(self, x, g, memory, t):
        v = g
        if self.momentum:
            v = memory["v"]
            v[...] = self.momentum * v + g                          # (G1)
        x -= self.lr * v                                            # (G2)
