"""The rectifier with a slope on the negative side."""

import numpy as np

from minirnn.activations.base import Activation
from minirnn.errors import UsageError


class LeakyReLU(Activation):
    """f(z) = z where z > 0, else αz (K1); z̄ = h̄ where z > 0, else αh̄ (K2).  [maas2013, sec. 2]

    slope    α, 0 <= α <= 1; 0.5 as in [chu, Table 6]
    raises   UsageError if the slope is outside [0, 1]

    Derivation: docs/derivations/activations.md
    """

    summary = "f(z) = z if z > 0 else αz"

    def __init__(self, slope: float = 0.5) -> None:
        super().__init__()
        if not 0 <= slope <= 1:
            raise UsageError(f"the slope of leaky-relu must lie in [0, 1] (got {slope}); 0.01 to 0.5 is usual")
        self.slope = slope

    @property
    def bounds(self):
        """(α, 1)."""
        return self.slope, 1.0

    def forward(self, z, out=None):
        h = np.where(z > 0, z, self.slope * z)                      # (K1)
        return h

    def backward(self, dh, z, h, out=None):
        dz = np.where(z > 0, dh, self.slope * dh)                   # (K2) undoes (K1)
        return dz

    @classmethod
    def examples(cls, n, rng):
        yield "slope 0.5", cls(0.5)
        yield "slope 0.01", cls(0.01)
