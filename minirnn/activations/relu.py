"""The rectifier."""

import numpy as np

from minirnn.activations.base import Activation


class ReLU(Activation):
    """f(z) = max(z, 0) (R1), z̄ = h̄ where z > 0, else 0 (R2).  [nair2010]

    At z = 0 the derivative is taken as 0, as everywhere in practice. A unit that is 0 passes no gradient, so the
    lower bound β is 0 and ‖∂h_T/∂h_t‖ can only shrink under an orthogonal W.
    Derivation: docs/derivations/activations.md
    """

    summary = "f(z) = max(z, 0)"
    bounds = (0.0, 1.0)
    needs_z = False

    def forward(self, z, out=None):
        h = np.maximum(z, 0, out=out)                               # (R1)
        return h

    def backward(self, dh, z, h, out=None):
        dz = np.multiply(dh, h > 0, out=out)                        # (R2) undoes (R1)
        return dz
