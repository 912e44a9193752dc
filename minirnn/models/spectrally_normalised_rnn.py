"""The vanilla network with its recurrent matrix divided by its norm, or by its spectral radius."""

from __future__ import annotations

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense, SpectralNorm, SpectralRadius

NORMS = {"sigma": SpectralNorm, "radius": SpectralRadius}


def spectrally_normalised_rnn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, norm: str = "sigma",
    activation: str = "tanh", **shared,
) -> Model:
    """Elman network whose recurrent matrix is M/σ(M) or M/ρ(M).  [sengupta2018]

    norm          sigma divides by the largest singular value: no step amplifies. radius divides by the largest modulus
                  of an eigenvalue: the spectrum lies in the unit disk, and a non-normal W may amplify without bound
    activation    tanh, or any by name

    Differs: the paper equates the spectral norm with the principal eigenvalue; they agree for normal matrices alone, so
    both are here. Its cells and settings are not public: matrices and biases start from U(±1/√n), as in `rnn`.
    """
    if norm not in NORMS:
        raise catalog.unknown("norm", norm, NORMS)
    f, n = catalog.find("activations", activation), hidden_size

    def layer(width: int) -> Recurrent:
        bound = 1 / np.sqrt(n)
        U, W = Dense(uniform((n, width), bound, rng)), NORMS[norm](uniform((n, n), bound, rng))
        return Recurrent(Elman(f.sized(n)), U, uniform((n,), bound, rng), W=W)

    return assemble(layer, n_in, n_out, n, rng=rng, **shared)
