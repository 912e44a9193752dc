"""The vanilla recurrent network as libraries initialise it."""

from __future__ import annotations

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense


def rnn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, activation: str = "tanh", **shared
) -> Model:
    """Elman network with every matrix and bias from U(±1/√n), the default of the common libraries.  [elman1990]

    activation    tanh, the libraries' default, or relu in the papers' baselines; any activation by name
    """
    f = catalog.find("activations", activation)

    def layer(width: int) -> Recurrent:
        bound = 1 / np.sqrt(hidden_size)
        U = Dense(uniform((hidden_size, width), bound, rng))
        W = Dense(uniform((hidden_size, hidden_size), bound, rng))
        return Recurrent(Elman(f.sized(hidden_size)), U, uniform((hidden_size,), bound, rng), W=W)

    return assemble(layer, n_in, n_out, hidden_size, rng=rng, **shared)
