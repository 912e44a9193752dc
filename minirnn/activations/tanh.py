"""The hyperbolic tangent."""

import numpy as np

from minirnn.activations.base import Activation


class Tanh(Activation):
    """f(z) = tanh z (T1), z̄ = (1 - h²) ⊙ h̄ (T2): the derivative is written in the output, so z need not be kept.

    Derivation: docs/derivations/activations.md
    """

    summary = "f(z) = tanh z"
    bounds = (0.0, 1.0)
    needs_z = False

    def forward(self, z, out=None):
        h = np.tanh(z, out=out)                                     # (T1)
        return h

    def backward(self, dh, z, h, out=None):
        slope = np.multiply(h, h, out=out)
        slope = np.subtract(1, slope, out=slope)
        dz = np.multiply(dh, slope, out=out)                        # (T2) undoes (T1)
        return dz
