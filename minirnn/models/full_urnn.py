"""The full-capacity unitary network."""

from __future__ import annotations

import numpy as np

from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.models.urnn import unitary_layer
from minirnn.parametrizations import Unitary, UnitaryProduct


def full_urnn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, normalise: str = "none",
    matrix_scale: float = 1.0, **shared,
) -> Model:
    """Complex Elman network whose W is any unitary matrix, moved by Cayley steps along the group.  [wisdom2016, sec. 4]

    All but W is as in `urnn`, and W starts at a random matrix of that network's family. W takes the geodesic rule, all
    else RMSprop.

    normalise       none: the raw gradient, as for the memory problem; rms: divided by its running root mean square
                    first, as for images
    matrix_scale    rate of W relative to the run's: 1 for the memory problem; 1e-3 and less for images

    Differs: the authors' program builds the gradient of W from the real part of the previous state alone; here it is
    complete.
    """
    if normalise not in ("none", "rms"):
        raise UsageError(f"normalise must be 'none' or 'rms' (got {normalise!r})")

    def layer(width: int) -> Recurrent:
        W, _ = UnitaryProduct.random(hidden_size, rng).matrix()
        return unitary_layer(width, Unitary(W), "wisdom", rng)

    unitary = Group("rnn.*.W", "geodesic", lr_scale=matrix_scale, options={"normalise": normalise})
    groups = [unitary, Group("*", "rmsprop", options={"convention": "arjovsky"})]
    return assemble(layer, n_in, n_out, hidden_size, rng=rng, groups=groups, **shared)
