"""The linear recurrent network's activation."""

from minirnn.activations.base import Activation


class Identity(Activation):
    """f(z) = z (I1), z̄ = h̄ (I2). With orthogonal W the state is only rotated, and so is its gradient.

    Derivation: docs/derivations/activations.md
    """

    summary = "f(z) = z"
    bounds = (1.0, 1.0)
    kinds = "fc"

    def forward(self, z):
        h = z                                                       # (I1)
        return h

    def backward(self, dh, z, h):
        dz = dh                                                     # (I2) undoes (I1)
        return dz
