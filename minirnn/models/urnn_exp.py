"""The orthogonal network of W = exp(B)."""

from __future__ import annotations

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.initializers import identity, uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense, ExpMap, Orthogonal, Plumbley

# option: (the parametrization of W = I, how its parameter is trained)
GRADIENTS = {
    "exact": (lambda n: ExpMap(np.zeros((n, n))), Group("rnn.*.W.A", lr_scale=0.3)),
    "plumbley": (lambda n: Plumbley(np.zeros((n, n))), Group("rnn.*.W.A", lr_scale=0.3)),
    "multiplicative": (lambda n: Orthogonal(identity(n)), Group("rnn.*.W", "plumbley-multiplicative", lr_scale=0.001)),
}


def urnn_exp(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, activation: str = "abs",
    gradient: str = "exact", **shared,
) -> Model:
    """Elman network with W = exp(B), B skew-symmetric, started at B = 0, that is at W = I.  [chu, sec. 4]

    activation    abs (keeps every gradient's norm), relu, leaky-relu or tanh
    gradient      exact (of B); plumbley, the paper's: P = GWᵀ − WGᵀ in its place, given to the same rule;
                  multiplicative, Plumbley's own W ← exp(−ηP) W, with η a thousandth of the learning rate, since P is
                  large where Adam's steps are not

    Differs: by default B follows its exact gradient, at 0.3 of the learning rate; the paper leaves the initial B
    unstated, and of the starts tried B = 0 is the one that learns its experiment I.
    """
    f = catalog.find("activations", activation)
    if gradient not in GRADIENTS:
        raise catalog.unknown("gradient", gradient, GRADIENTS)
    start, group = GRADIENTS[gradient]

    def layer(width: int) -> Recurrent:
        U = Dense(uniform((hidden_size, width), 1 / np.sqrt(hidden_size), rng))
        return Recurrent(Elman(f.sized(hidden_size)), U, np.zeros(hidden_size), W=start(hidden_size))

    groups = [group, Group("*")]
    return assemble(layer, n_in, n_out, hidden_size, rng=rng, groups=groups, **shared)
