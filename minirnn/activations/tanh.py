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

    def forward(self, z):
        h = np.tanh(z)                                              # (T1)
        return h

    def backward(self, dh, z, h):
        dz = dh * (1 - h * h)                                       # (T2) undoes (T1)
        return dz
