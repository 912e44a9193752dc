"""The gated recurrent unit as libraries initialise it."""

from __future__ import annotations

import numpy as np

from minirnn.cells import GRU
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense, Parametrization


def gru(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, reset: str = "after", **shared
) -> Model:
    """Gated recurrent unit with every matrix and bias from U(±1/√n), the default of PyTorch.  [cho2014]

    reset    where the reset gate acts: after W_h (as in PyTorch and cuDNN), before it, or none (as Chu prints it)
    """

    def layer(width: int) -> Recurrent:
        W_h = Dense(uniform((hidden_size, hidden_size), 1 / np.sqrt(hidden_size), rng))
        return gru_layer(width, hidden_size, W_h, reset, rng)

    return assemble(layer, n_in, n_out, hidden_size, rng=rng, **shared)


def gru_layer(width: int, n: int, W_h: Parametrization, reset: str, rng: np.random.Generator) -> Recurrent:
    """A GRU layer on a given W_h, everything else from U(±1/√n).

    PyTorch keeps two biases per gate, of which u and r only see the sum; so does c, unless the reset gate is between
    them. The sum of two draws is what b starts from.
    """
    bound = 1 / np.sqrt(n)
    U, W = Dense(uniform((3 * n, width), bound, rng)), Dense(uniform((2 * n, n), bound, rng))
    b, second = uniform((3 * n,), bound, rng), uniform((3 * n,), bound, rng)
    if reset != "after":
        return Recurrent(GRU(reset), U, b + second, W=W, W_h=W_h)
    b[: 2 * n] += second[: 2 * n]
    return Recurrent(GRU(reset, second[2 * n :]), U, b, W=W, W_h=W_h)
