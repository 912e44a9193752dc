"""Sorting in pairs: a nonlinearity that is a permutation, and so is its adjoint."""

import numpy as np

from minirnn.activations.base import Activation
from minirnn.errors import UsageError


class OPLU(Activation):
    """Orthogonal permutation linear unit: each pair of neighbours (a, b) becomes (max, min).  [chernodub2016]

        s = 1 where z_{2k} < z_{2k+1}      (OP1)  which pairs are swapped; a tie is not
        h = P_s z                          (OP2)  P_s swaps those pairs
        z̄ = P_s h̄                          (OP3)  undoes (OP2): P_sᵀ = P_s, and s is constant around z
        z = P_s h                          (OP4)  reverses (OP2): P_s P_s = I; s is lost, and has to be kept

    A permutation matrix is orthogonal: ‖h‖ = ‖z‖ and ‖z̄‖ = ‖h̄‖, for every z. `abs` keeps only the second.
    Shapes: z, h (B, n), n even; s (B, n/2).   Derivation: docs/derivations/oplu.md
    raises   UsageError for an odd number of units
    """

    summary = "each pair (a, b) becomes (max, min): norm-preserving, forward and backward"
    bounds = (1.0, 1.0)
    reversible = True

    def _swaps(self, z):
        s = z[..., 0::2] < z[..., 1::2]                             # (OP1)
        return s

    def forward(self, z, out=None):
        h = _swapped(z, self._swaps(z))                             # (OP2)
        return h

    def backward(self, dh, z, h, out=None):
        dz = _swapped(dh, self._swaps(z))                           # (OP3) undoes (OP2)
        return dz

    def lost(self, z):
        return self._swaps(z)

    def inverse(self, h, lost):
        a, b = h[..., 0::2], h[..., 1::2]
        low = np.minimum(a, b)                                      # rounding may have changed the order,
        apart = np.where(lost, np.nextafter(low, np.inf), low)      # or have tied a pair that was swapped
        high = np.maximum(np.maximum(a, b), apart)
        z = _swapped(_paired(high, low), lost)                      # (OP4) reverses (OP2)
        return z

    def check(self, n, dtype):
        super().check(n, dtype)
        if n % 2:
            raise UsageError(f"oplu sorts pairs of units and cannot serve {n}; take {n + 1} or {n - 1}")


def _swapped(x, s):
    """P_s x: a copy of x (..., n) with the pairs marked in s (..., n/2) swapped."""
    first, second = x[..., 0::2], x[..., 1::2]
    return _paired(np.where(s, second, first), np.where(s, first, second))


def _paired(first, second):
    """The vectors whose pairs of neighbours are (first, second), each (..., n/2)."""
    x = np.empty((*first.shape[:-1], 2 * first.shape[-1]), dtype=first.dtype, like=first)
    x[..., 0::2], x[..., 1::2] = first, second
    return x
