"""RMSprop, in the forms the papers' programs give it."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.optimizers.base import Rule

# name: (ρ, the mean square before the first step, ε inside the root, ε outside)
CONVENTIONS = {
    "lecture": (0.9, 0.0, 0.0, 1e-8),
    "keras": (0.9, 0.0, 0.0, 1e-8),
    "torch": (0.99, 0.0, 0.0, 1e-8),
    "lasagne": (0.9, 0.0, 1e-6, 0.0),
    "tensorflow": (0.9, 1.0, 1e-10, 0.0),
    "arjovsky": (0.9, 1e-3, 0.0, 0.0),
}


class RMSprop(Rule):
    """s ← ρ s + (1 − ρ) g² (V1), x ← x − lr g / (√(s + ε_in) + ε_out) (V2).  [tieleman2012, lecture 6.5]

    The programs of the literature differ in what the lecture leaves open, and the first steps differ by far: from s = 0
    the first step has the length lr/√(1 − ρ) whatever the gradient, from s = 1 it is nearly lr g.

    convention   ρ     s at 0   ε                       used by
    lecture      0.9   0        1e-8 outside the root   the slides; they have no ε, which only keeps 0/0 away
    keras        0.9   0        1e-8 outside            full-capacity uRNN on images (Keras 1): the lecture's numbers
    torch        0.99  0        1e-8 outside            expRNN, nnRNN
    lasagne      0.9   0        1e-6 inside             the factorised RNN with a spectral margin
    tensorflow   0.9   1        1e-10 inside            scoRNN, EUNN (TensorFlow 1)
    arjovsky     0.9   1e-3     none, 0/0 taken as 0    uRNN and full-capacity uRNN on the memory problem

    rho, eps     replace the convention's, eps at the convention's place
    raises       UsageError for an unknown convention, or rho outside [0, 1)

    Derivation: docs/derivations/optimizers.md
    """

    summary = "gradient divided by its running root mean square"
    slots = ("s",)

    def __init__(
        self, lr: float, rho: float | None = None, eps: float | None = None, convention: str = "lecture"
    ) -> None:
        super().__init__(lr)
        if convention not in CONVENTIONS:
            raise UsageError(f"there is no RMSprop convention {convention!r}; choose one of: {', '.join(CONVENTIONS)}")
        usual, self.start, inside, outside = CONVENTIONS[convention]
        self.rho = usual if rho is None else rho
        if not 0 <= self.rho < 1:
            raise UsageError(f"rho must lie in [0, 1) (got {rho})")
        if eps is not None:
            inside, outside = (eps, 0.0) if inside else (0.0, eps)
        self.inside, self.outside = inside, outside

    def initial(self, slot, x):
        return np.zeros_like(x) + self.start

    def update(self, x, g, memory, t):
        s = memory["s"]
        s[...] = self.rho * s + (1 - self.rho) * g * g              # (V1)
        root = np.sqrt(s + self.inside) + self.outside
        if not self.inside and not self.outside:                    # without ε, 0/0 is taken as 0
            root = np.where(root > 0, root, 1)
        x -= self.lr * g / root                                     # (V2)
