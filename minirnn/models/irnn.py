"""The rectifier network that starts at the identity."""

from __future__ import annotations

import numpy as np

from minirnn.activations import ReLU
from minirnn.cells import Elman
from minirnn.initializers import identity, uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense


def irnn(n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, **shared) -> Model:
    """Elman network with ReLU, started at W = I and b = 0 and otherwise free.  [le2015, sec. 3]

    Differs: U is drawn from U(±1/√n) instead of N(0, 0.001²), so that the input is heard from the first step on, and
    the recurrent matrix learns at 0.3 of the learning rate: at the full rate the start is lost on long sequences.
    """

    def layer(width: int) -> Recurrent:
        U = Dense(uniform((hidden_size, width), 1 / np.sqrt(hidden_size), rng))
        return Recurrent(Elman(ReLU()), U, np.zeros(hidden_size), W=Dense(identity(hidden_size)))

    groups = [Group("rnn.*.W", lr_scale=0.3), Group("*")]
    return assemble(layer, n_in, n_out, hidden_size, rng=rng, groups=groups, **shared)
