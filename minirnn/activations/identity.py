"""The linear recurrent network's activation."""

from minirnn.activations.base import Activation


class Identity(Activation):
    """f(z) = z (I1), z̄ = h̄ (I2); nothing is lost, z = h (I3). With orthogonal W state and gradient are only rotated.

    Derivation: docs/derivations/activations.md
    """

    summary = "f(z) = z"
    bounds = (1.0, 1.0)
    needs_z = False
    kinds = "fc"
    reversible = True

    def forward(self, z, out=None):
        h = z                                                       # (I1)
        return h

    def backward(self, dh, z, h, out=None):
        dz = dh                                                     # (I2) undoes (I1)
        return dz

    def inverse(self, h, lost):
        z = h                                                       # (I3) reverses (I1)
        return z
