"""The gated recurrent unit with an orthogonal candidate matrix."""

from __future__ import annotations

import numpy as np

from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.models.gru import gru_layer
from minirnn.parametrizations import ExpMap


def ugru(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, reset: str = "after", **shared
) -> Model:
    """Gated recurrent unit whose candidate matrix alone is orthogonal, W_h = exp(B), started at B = 0.  [chu, sec. 4]

    reset    where the reset gate acts: after, before, or none, which is what the paper prints

    An orthogonal W_h does not make the network norm-preserving: gates and tanh scale the gradient at every step.
    Differs: the paper prints a candidate without reset gate, and says it used PyTorch, whose GRU has one: "after" is
    the default here. B follows its exact gradient, at 0.1 of the learning rate; the paper leaves B's start unstated.
    """

    def layer(width: int):
        return gru_layer(width, hidden_size, ExpMap(np.zeros((hidden_size, hidden_size))), reset, rng)

    groups = [Group("rnn.*.W_h.A", lr_scale=0.1), Group("*")]
    return assemble(layer, n_in, n_out, hidden_size, rng=rng, groups=groups, **shared)
