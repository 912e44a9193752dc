"""The rectifier whose slope on the negative side is learned."""

import numpy as np

from minirnn import backend
from minirnn.activations.base import Activation, summed
from minirnn.errors import UsageError


class PReLU(Activation):
    """Parametric rectifier, with a trained slope α per unit, or one for all.  [he2015, eq. 1]

        h = z where z > 0, else αz         (PR1)
        z̄ = h̄ where z > 0, else αh̄         (PR2)  undoes (PR1) in z; at z = 0 the derivative is α
        ᾱ = Σ h̄ min(z, 0)                  (PR3)  undoes (PR1) in α; over rows, and over units where α is shared

    params   slope (n,), or (1,) for one slope shared by all units; 0.25 at the start, as in the paper
    raises   UsageError if the slope is not a real vector
    Derivation: docs/derivations/prelu.md
    """

    summary = "f(z) = z if z > 0 else αz, α learned"

    def __init__(self, slope):
        super().__init__()
        if slope.ndim != 1 or np.iscomplexobj(slope):
            raise UsageError(f"the slope of prelu must be a real vector (got {slope.dtype}, shape {slope.shape}); "
                             "give one number per unit, or one in all")
        self.params["slope"] = slope

    @property
    def bounds(self):
        """(min, max) of 1 and all |α|; the slopes come to the host."""
        slopes = np.abs(backend.to_host(self.params["slope"]))
        return min(1.0, slopes.min().item()), max(1.0, slopes.max().item())

    def forward(self, z, out=None):
        h = np.where(z > 0, z, self.params["slope"] * z)            # (PR1)
        return h

    def backward(self, dh, z, h, out=None):
        dz = np.where(z > 0, dh, self.params["slope"] * dh)         # (PR2) undoes (PR1) in z
        return dz

    def gradients(self, dh, z, h):
        dslope = summed(dh * np.minimum(z, 0), self.params["slope"])    # (PR3) undoes (PR1) in α
        return {"slope": dslope}

    @classmethod
    def sized(cls, n):
        return cls(np.zeros(n) + 0.25)

    @classmethod
    def examples(cls, n, rng):
        yield "one slope per unit", cls(rng.uniform(-0.5, 1.5, n))
        yield "a shared slope", cls(np.array([0.25]))
