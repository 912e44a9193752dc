"""The gated baseline of every paper."""

from __future__ import annotations

import numpy as np

from minirnn.cells import LSTM, PeepholeLSTM
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense


def lstm(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, forget_bias: float = 1.0,
    peepholes: bool = False, **shared,
) -> Model:
    """Long short-term memory with matrices from U(±1/√n), zero biases and forget bias 1.  [hochreiter1997; gers2000]

    forget_bias    initial bias of the forget gate; 1 keeps the memory open at the start
    peepholes      let the gates see the memory cell, through weights that start at zero  [gers2002]
    """
    n = hidden_size

    def layer(width: int) -> Recurrent:
        bound = 1 / np.sqrt(n)
        b = np.zeros(4 * n)
        b[n : 2 * n] = forget_bias
        U, W = Dense(uniform((4 * n, width), bound, rng)), Dense(uniform((4 * n, n), bound, rng))
        return Recurrent((PeepholeLSTM if peepholes else LSTM).sized(n), U, b, W=W)

    return assemble(layer, n_in, n_out, n, rng=rng, **shared)
