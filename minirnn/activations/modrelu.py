"""The rectifier of the modulus: a unit has a phase, which is kept, and a length, which is rectified."""

from typing import NamedTuple

import numpy as np

from minirnn import backend, catalog
from minirnn.activations.base import Activation, summed
from minirnn.errors import UsageError


class Convention(NamedTuple):
    """How a paper's code keeps away from 0/0 at z = 0."""

    e2: float       # e², added to the squared modulus
    delta: float    # added to the modulus
    d: float        # added to the divisor


CONVENTIONS = {
    "exact": Convention(0.0, 0.0, 0.0),             # the formula itself, as scoRNN uses it
    "arjovsky": Convention(0.0, 0.0, 1e-5),
    "wisdom": Convention(1e-5, 0.0, 1e-5),
    "eunn": Convention(0.0, 0.01, 0.0),
}


class ModReLU(Activation):
    """h = (z/|z|) relu(|z| + b), real or complex; for a real z that is sign(z) relu(|z| + b).  [arjovsky2016]

    With small constants e, δ, d that are zero in the exact formula, and a = |z|:

        m = √(a² + e²) + δ                 (MR1)
        on = 1 where m + b >= 0, else 0    (MR2)
        p = (m + b) / (m + d)              (MR3)  0/0 is 1, so that b = 0 is the identity at z = 0 too
        h = on p z                         (MR4)

    Backward. Along z the map stretches by r = ∂|h|/∂|z|, across z by |h|/|z| = on p; a real number has no across.

        u = z / a                          (MR5)  the direction of z; at z = 0 there is none, and u = 0
        q = Re(u* h̄)                       (MR6)  the part of h̄ along z
        c = a / √(a² + e²)                 (MR7)  ∂m/∂a
        t = a / (m + d)                    (MR8)
        r = on (1 + (p − 1)(1 − c t))      (MR9)  undoes (MR4), (MR3), (MR1) along z; exactly `on` in the exact formula
        z̄ = on p (h̄ − q u) + r q u         (MR10) undoes (MR4)
        b̄ = Σ on Re(z* h̄) / (m + d)        (MR11) undoes (MR4), (MR3) in b; over rows

    At z = 0 the exact formula jumps if b > 0; the derivative is then taken as 1, as on both sides of a real 0. A
    modulus below `shortest`, 1000 times the smallest normal number, counts as 0: b/a would overflow.
    params       b (n,), or (1,) for all units; real, also for a complex z
    convention   exact; arjovsky: d = 1e-5; wisdom: e² = d = 1e-5; eunn: δ = 0.01 (its real mode is exact, b + 0.01)
    Shapes: z, h (B, n).   Derivation: docs/derivations/modrelu.md
    raises       UsageError for a b that is not a real vector, and for an unknown convention
    """

    summary = "f(z) = z/|z| relu(|z| + b), real or complex, b learned"
    kinds = "fc"

    def __init__(self, b, convention: str = "exact"):
        super().__init__()
        if b.ndim != 1 or np.iscomplexobj(b):
            raise UsageError(f"the b of modrelu must be a real vector, for a complex z too (got {b.dtype}, {b.shape})")
        if convention not in CONVENTIONS:
            raise catalog.unknown("convention", convention, CONVENTIONS)
        self.params["b"] = b
        self.e2, self.delta, self.d = CONVENTIONS[convention]

    @property
    def bounds(self):
        """(0, 1) as long as b <= 0; a positive b turns a short complex z by any amount. b comes to the host."""
        return 0.0, 1.0 if backend.to_host(self.params["b"]).max().item() <= 0 else float("inf")

    def _gate(self, z):
        """(a, m, on, m + d with 1 in the place of 0), which everything needs."""
        a = np.abs(z)
        a = np.where(a < shortest(a.dtype), 0, a)                   # a NaN stays a NaN
        m = (np.hypot(a, self.e2**0.5) if self.e2 else a) + self.delta      # (MR1)
        on = m + self.params["b"] >= 0                              # (MR2)
        return a, m, on, _divisor(m + self.d)

    def _ratio(self, m, divisor):
        p = np.where(m + self.d > 0, (m + self.params["b"]) / divisor, 1)   # (MR3)
        return p

    def forward(self, z, out=None):
        _, m, on, divisor = self._gate(z)
        p = self._ratio(m, divisor)
        h = on * p * z                                              # (MR4)
        return h

    def backward(self, dh, z, h, out=None):
        a, m, on, divisor = self._gate(z)
        p = self._ratio(m, divisor)
        u = z / _divisor(a)                                         # (MR5)
        q = (u.conj() * dh).real                                    # (MR6)
        c = a / _divisor(m - self.delta)                            # (MR7)
        t = a / divisor                                             # (MR8)
        r = on * (1 + (p - 1) * (1 - c * t))                        # (MR9) undoes (MR4), (MR3), (MR1) along z
        dz = on * p * (dh - q * u) + r * q * u                      # (MR10) undoes (MR4)
        return dz

    def gradients(self, dh, z, h):
        _, _, on, divisor = self._gate(z)
        db = summed(on * (z.conj() * dh).real / divisor, self.params["b"])  # (MR11) undoes (MR4) in b
        return {"b": db}

    @classmethod
    def sized(cls, n):
        return cls(np.zeros(n))

    @classmethod
    def examples(cls, n, rng):
        for convention in CONVENTIONS:
            largest = 0.5 if convention == "exact" else 0.0         # above zero, the others are steep around z = 0
            yield convention, cls(rng.uniform(-0.5, largest, n), convention)
        yield "a shared b", cls(np.array([-0.2]))


def shortest(dtype):
    """The modulus below which z counts as 0."""
    return 1000 * np.finfo(dtype).tiny


def _divisor(x):
    """x >= 0, with 1 in the place of 0."""
    return np.where(x > 0, x, 1)
