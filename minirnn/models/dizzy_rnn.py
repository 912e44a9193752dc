"""The rotation network: norms of gradients kept exactly, in both directions of the stack."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.initializers import uniform
from minirnn.layers import Recurrent
from minirnn.model import Model
from minirnn.models.base import assemble
from minirnn.operators import dense
from minirnn.parametrizations import Dense, Givens, GivensSVD, Parametrization
from minirnn.regularizers import SpectralPrior


def dizzy_rnn(
    n_in: int, n_out: int, hidden_size: int = 192, *, rng: np.random.Generator, rotations: int = 8,
    spread: float = 0.35, singular_values: bool = False, penalty: float = 0.01, free: bool = False, **shared,
) -> Model:
    """Elman network h = |W h + U x + b| with W a product of packed rotations, and U one too where it is square, as it
    is above the bottom layer.  [dorobantu2016, secs. 4 and 5]

    rotations          packed rotations per matrix; the whole tournament, n − 1 (n if odd), if that is fewer
    spread             angles start from U(−spread, spread)
    singular_values    W = V diag(s) Qᵀ with free s instead, started at s = 1
    penalty            λ of λ‖s − 1‖², if the singular values are free
    free               W starts as the product of the same rotations and is then trained without a constraint: a
                       control, for what the start alone does

    Differs: the paper's settings for the angles, the width and the learning rate do not survive in its text; these
    defaults learn its copy task with Adam at 1.5e-2, decayed linearly to a twentieth. The angles' spread decides: the
    useful window is spread · √(rotations/3) ≈ 0.5 to 0.6; angles from U(0, 2π), or all 0, do not learn it.
    """
    if free and singular_values:
        raise UsageError("free leaves no rotations for singular_values to stand between; give one of them")
    n = hidden_size
    K = min(rotations, n - 1 + n % 2)

    def packed(spread: float) -> Givens:
        return Givens(uniform((K, n // 2), spread, rng), n)

    def rotation() -> Parametrization:
        if free:
            return Dense(dense(packed(spread).matrix()[0]))
        if not singular_values:
            return packed(spread)
        half = spread / np.sqrt(2)                                  # two factors together turn as far as one
        return GivensSVD(packed(half), np.ones(n), packed(half))

    def layer(width: int) -> Recurrent:
        square = width == n
        U = rotation() if square else Dense(uniform((n, width), 1 / np.sqrt(n), rng))
        penalised = ("W", "U") if square else ("W",)
        priors = [SpectralPrior(penalty, matrix) for matrix in penalised] if singular_values else []
        return Recurrent(Elman(Abs()), U, np.zeros(n), W=rotation(), regularizers=priors)

    return assemble(layer, n_in, n_out, n, rng=rng, **shared)
