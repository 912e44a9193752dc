"""A gain before an activation: f(g z)."""

import numpy as np

from minirnn import backend
from minirnn.activations.base import Activation, summed
from minirnn.activations.modrelu import ModReLU
from minirnn.activations.tanh import Tanh
from minirnn.errors import UsageError


class Gain(Activation):
    """A pre-activation gain g around any activation f, fixed or trained.  [vorontsov2017, sec. 3.1]

        y = g z                            (GN1)
        h = f(y)                           (GN2)
        ȳ = what f makes of h̄              (GN3)  undoes (GN2)
        z̄ = g ȳ                            (GN4)  undoes (GN1) in z
        ḡ = Σ Re(z* ȳ)                     (GN5)  undoes (GN1) in g, if it is trained; over rows and units

    tanh shrinks what passes through it; a g slightly above 1 makes up for that on average.
    f          the activation inside, tanh if None; its parameters appear as the wrapper's own
    g          the gain, > 0; 1.05 in the paper
    trained    whether g is a parameter "gain" (1,) instead of a constant
    Shapes: z, h (B, n).   Derivation: docs/derivations/gain.md
    raises     UsageError if g is not positive

    Differs: the paper does not say whether the gain is on W h alone or on all of z; here it is on all of z.
    """

    summary = "f(z) = f(g z), a gain before another activation"

    def __init__(self, f: Activation | None = None, g: float = 1.05, trained: bool = False):
        super().__init__()
        if not g > 0:
            raise UsageError(f"a gain must be positive (got {g}); 1.05 is usual")
        self.f, self.g = Tanh() if f is None else f, g
        self.kinds = self.f.kinds
        self.params = self.f.params                                 # one dict, so that both always see the same arrays
        if trained:
            self.params["gain"] = np.array([g])

    @property
    def bounds(self):
        """The bounds of f times |g|, which comes to the host if it is trained."""
        low, high = self.f.bounds
        g = np.abs(backend.to_host(self._gain())).item()
        return g * low, g * high

    def _gain(self):
        return self.params.get("gain", self.g)

    def _amplified(self, z):
        y = self._gain() * z                                        # (GN1)
        return y

    def forward(self, z, out=None):
        h = self.f.forward(self._amplified(z))                      # (GN2)
        return h

    def backward(self, dh, z, h, out=None):
        dy = self.f.backward(dh, self._amplified(z), h)             # (GN3) undoes (GN2)
        dz = self._gain() * dy                                      # (GN4) undoes (GN1) in z
        return dz

    def gradients(self, dh, z, h):
        y = self._amplified(z)
        grads = self.f.gradients(dh, y, h)
        if "gain" in self.params:
            dy = self.f.backward(dh, y, h)
            dgain = summed((z.conj() * dy).real, self.params["gain"])   # (GN5) undoes (GN1) in g
            grads = {**grads, "gain": dgain}
        return grads

    def check(self, n, dtype):
        self.f.check(n, dtype)

    @classmethod
    def examples(cls, n, rng):
        yield "tanh, fixed", cls()
        yield "tanh, trained", cls(trained=True)
        yield "modrelu, trained", cls(ModReLU(rng.uniform(-0.5, 0, n)), 0.8, trained=True)
