"""The unitary evolution network."""

from __future__ import annotations

import numpy as np

from minirnn.activations import ModReLU
from minirnn.cells import Elman
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense, UnitaryProduct


def urnn(n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, **shared) -> Model:
    """Complex Elman network with W = D₃ R₂ F⁻¹ D₂ Π R₁ F D₁ and modReLU, started as published.  [arjovsky2016]

    z_t = W h_{t-1} + U x_t, the only bias is modReLU's, and the read-out is linear in [Re h | Im h]. U is drawn from
    the Glorot interval of 2n outputs, Re and Im alike, modReLU's b from U(±0.01), and h₀, which is trained, from
    U(±√(3/(2n))), so that E‖h₀‖² = 1. Everything follows RMSprop in the form of the authors' program.

    Differs: W is made once per sequence and multiplied as a matrix; the paper applies its factors at every step.
    """

    def layer(width: int) -> Recurrent:
        return unitary_layer(width, UnitaryProduct.random(hidden_size, rng), "arjovsky", rng)

    groups = [Group("*", "rmsprop", options={"convention": "arjovsky"})]
    return assemble(layer, n_in, n_out, hidden_size, rng=rng, groups=groups, **shared)


def unitary_layer(width: int, W, convention: str, rng: np.random.Generator) -> Recurrent:
    """A complex layer around W with the paper's other initial values, for `width` inputs."""
    n = W.matrix()[0].shape[0]
    bound = np.sqrt(6 / (width + 2 * n))
    U = uniform((n, width), bound, rng) + 1j * uniform((n, width), bound, rng)
    bound = np.sqrt(3 / (2 * n))
    h0 = uniform((n,), bound, rng) + 1j * uniform((n,), bound, rng)
    f = ModReLU(uniform((n,), 0.01, rng), convention)
    return Recurrent(Elman(f), Dense(U), None, h0=(h0,), W=W)
