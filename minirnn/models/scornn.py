"""The scaled Cayley orthogonal network."""

from __future__ import annotations

import numpy as np

from minirnn.activations import ModReLU
from minirnn.cells import Elman
from minirnn.initializers import helfrich, signs, uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Cayley, Dense


def scornn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, negative: int | None = None, **shared
) -> Model:
    """Elman network with W = (I + S)⁻¹ (I − S) D and modReLU, whose bias is the only one.  [helfrich2018]

    The blocks of S are tan(s/2), s from U(0, π/2): rotations by s before D. The input matrix is drawn from U(±0.01).
    S is trained by RMSprop (TensorFlow 1's form) at a tenth of the rate of the rest; the paper's runs use RMSprop or
    Adam at 1e-3 for that.

    negative    ρ, how many of D's n entries are −1: n/2 (the default) for copying and adding, n/10 for images.
                det W = (−1)^ρ stays so in training

    Differs: the read-out's bias starts at zero (in the program for copying, at random).
    """
    n = hidden_size
    D = signs(n, n // 2 if negative is None else negative)

    def layer(width: int) -> Recurrent:
        U, W = Dense(uniform((n, width), 0.01, rng)), Cayley(helfrich(n, rng), D.copy())
        return Recurrent(Elman(ModReLU.sized(n)), U, None, W=W)

    groups = [Group("rnn.*.W.A", "rmsprop", lr_scale=0.1, options={"convention": "tensorflow"}), Group("*")]
    return assemble(layer, n_in, n_out, n, rng=rng, groups=groups, **shared)
