"""The absolute value: the activation that preserves the norm of every gradient."""

import numpy as np

from minirnn.activations.base import Activation


class Abs(Activation):
    """f(z) = |z| (A1), z̄ = h̄ where z >= 0, else -h̄ (A2).  [dorobantu2016; chu, Table 2]

    Lost are the signs: with s = 1 where z < 0 (A3), z = −|h| where s, else |h| (A4).

    |f'| = 1 everywhere, so with an orthogonal W the Jacobian of a step is orthogonal and ‖∂h_T/∂h_t‖_F = √n exactly.
    At z = 0 the derivative is +1. Taking sign(z) would make it 0 there, and z is exactly 0 at the first step
    of a network whose state, bias and input are zero: the norm would be lost without a word.
    Derivation: docs/derivations/activations.md
    """

    summary = "f(z) = |z|, norm-preserving"
    bounds = (1.0, 1.0)
    reversible = True

    def forward(self, z, out=None):
        h = np.abs(z, out=out)                                      # (A1)
        return h

    def backward(self, dh, z, h, out=None):
        dz = np.where(z >= 0, dh, -dh)                              # (A2) undoes (A1); never sign(z): sign(0) = 0
        return dz

    def lost(self, z):
        s = z < 0                                                   # (A3)
        return s

    def inverse(self, h, lost):
        size = np.maximum(np.abs(h), np.finfo(h.dtype).tiny)        # never 0: -0 would count as positive in (A2)
        z = np.where(lost, -size, size)                             # (A4) reverses (A1)
        return z
