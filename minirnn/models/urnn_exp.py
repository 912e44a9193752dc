"""The orthogonal network of W = exp(B)."""

from __future__ import annotations

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model, assemble
from minirnn.parametrizations import Dense, ExpMap


def urnn_exp(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, activation: str = "abs", **shared
) -> Model:
    """Elman network with W = exp(B), B skew-symmetric, started at B = 0, that is at W = I.  [chu, sec. 4]

    activation    abs (keeps every gradient's norm), relu, leaky-relu or tanh

    Differs: B follows its exact gradient, at 0.3 of the learning rate; the paper leaves the initial B unstated, and
    of the starts tried B = 0 is the one that learns its experiment I.
    """
    f = catalog.find("activations", activation)

    def layer(width: int) -> Recurrent:
        U = Dense(uniform((hidden_size, width), 1 / np.sqrt(hidden_size), rng))
        return Recurrent(Elman(f()), U, np.zeros(hidden_size), W=ExpMap(np.zeros((hidden_size, hidden_size))))

    groups = [Group("rnn.*.W.A", lr_scale=0.3), Group("*")]
    return assemble(layer, n_in, n_out, hidden_size, rng=rng, groups=groups, **shared)
