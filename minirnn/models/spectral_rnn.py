"""The factorised network whose singular values stay within a margin of 1."""

from __future__ import annotations

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.initializers import orthogonal, uniform
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense, SVDMargin
from minirnn.regularizers import Regularizer, SpectralPrior, WeightDecay

RATES = {
    "paper": lambda m: 1 / (2 * m), "squared": lambda m: (2 * m) ** -2, "plain": lambda m: 1.0,
    "matched": lambda m: 2 / m,
}


def spectral_rnn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, margin: float | str = 0.1,
    activation: str = "identity", spectrum_rate: str = "paper", bases_scale: float = 0.01, weight_decay: float = 0.0,
    prior: float = 0.0, train_h0: bool = True, **shared,
) -> Model:
    """Elman network with W = U diag(s) Vᵀ, s within a margin of 1, started orthogonal.  [vorontsov2017, secs. 2 and 3]

    U and V take Cayley steps along the Stiefel manifold, the rest takes the run's rule (in the paper RMSprop in the
    form convention = "lasagne", rate 1e-4, 1e-3 on text). The input matrix is drawn from U(±0.01); the bias and h₀
    start at zero and are trained.

    margin          m; 0 keeps W orthogonal, "none" leaves s free (then from s = 1)
    activation      identity for the memory tasks, relu for adding, tanh for images and text
    spectrum_rate   of p, relative to the run's: "paper" 1/(2m), which makes the step in s independent of m under
                    RMSprop; "squared" 1/(2m)², which does it under plain gradient descent; "plain" 1; "matched"
                    2/m, at which a small step from s = 1 is that of a free s: ds/dp = 2m σ'(0) = m/2 there
    bases_scale     rate of U and V relative to the run's: 0.01, as 1e-6 to 1e-4
    weight_decay    λ of λ‖W‖² on W and on the input matrix; 1e-4 in the paper
    prior           λ of λ‖s − 1‖², a Gaussian prior on the singular values

    Differs: weight decay leaves the read-out alone. The released program applies the Cayley step on the wrong side,
    to a copy of U and V that never changes; the step here is the paper's equation.
    """
    if isinstance(margin, str) and margin != "none":
        raise UsageError(f'margin must be a number or "none" (got {margin!r})')
    m = None if isinstance(margin, str) else margin
    if spectrum_rate not in RATES:
        raise catalog.unknown("spectrum_rate", spectrum_rate, RATES)
    f = catalog.find("activations", activation)
    n = hidden_size
    penalties: list[Regularizer] = [WeightDecay(weight_decay), WeightDecay(weight_decay, "U")] if weight_decay else []
    penalties += [SpectralPrior(prior)] if prior else []

    def layer(width: int) -> Recurrent:
        U = Dense(uniform((n, width), 0.01, rng))
        W = SVDMargin(orthogonal((n, n), rng), orthogonal((n, n), rng), m, allow_negative=True)
        return Recurrent(Elman(f.sized(n)), U, np.zeros(n), W=W, regularizers=penalties)

    bases = [Group(f"rnn.*.W.{name}", "geodesic", lr_scale=bases_scale) for name in ("U", "V")]
    spectrum = [Group("rnn.*.W.p", lr_scale=RATES[spectrum_rate](m))] if m else []
    groups = [*bases, *spectrum, Group("*")]
    return assemble(layer, n_in, n_out, n, rng=rng, groups=groups, train_h0=train_h0, **shared)
