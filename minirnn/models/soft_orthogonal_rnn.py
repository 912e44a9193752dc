"""The network that a penalty keeps near orthogonality."""

from __future__ import annotations

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.initializers import orthogonal, uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense
from minirnn.regularizers import SoftOrthogonality


def soft_orthogonal_rnn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, strength: float = 1e-3,
    activation: str = "identity", train_h0: bool = True, **shared,
) -> Model:
    """Elman network with a free W, started orthogonal, and the penalty λ‖WᵀW − I‖²_F.  [vorontsov2017, sec. 3.2, eq. 7]

    strength      λ; the paper varies it and finds that weaker learns faster
    activation    identity on the copy task; any activation by name

    W learns at a tenth of the learning rate; the paper lowers the whole network's rate tenfold.

    Differs: the paper leaves the norm of the penalty open; here it is Frobenius'.
    """
    f = catalog.find("activations", activation)
    n = hidden_size

    def layer(width: int) -> Recurrent:
        U, W = Dense(uniform((n, width), 0.01, rng)), Dense(orthogonal((n, n), rng))
        return Recurrent(Elman(f.sized(n)), U, np.zeros(n), W=W, regularizers=[SoftOrthogonality(strength)])

    groups = [Group("rnn.*.W", lr_scale=0.1), Group("*")]
    return assemble(layer, n_in, n_out, n, rng=rng, groups=groups, train_h0=train_h0, **shared)
