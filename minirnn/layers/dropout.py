"""Dropout between layers."""

from __future__ import annotations

import numpy as np

from minirnn.errors import UsageError
from minirnn.layers.base import Layer


class Dropout(Layer):
    """Y = X ⊙ M / (1 − rate), M Bernoulli(1 − rate) (P1); X̄ = Ȳ ⊙ M / (1 − rate) (P2), the same M.  [srivastava2014]

    Only between layers: zeros inside the recurrence would destroy its norm preservation. The mask is drawn from `rng`
    on the host; rng = None means evaluation and returns X.
    rate     probability of dropping, 0 <= rate < 1

    Derivation: docs/derivations/layers.md
    """

    summary = "dropout between layers, never inside the recurrence"

    def __init__(self, rate: float):
        super().__init__()
        if not 0 <= rate < 1:
            raise UsageError(f"dropout must lie in [0, 1) (got {rate}); 0 switches it off")
        self.rate = rate

    def forward(self, X, rng):
        if rng is None or self.rate == 0:
            return X, None
        keep = (rng.random(X.shape) >= self.rate) / (1 - self.rate)
        mask = np.asarray(keep.astype(X.dtype), like=X)
        Y = X * mask                                                # (P1)
        return Y, mask

    def backward(self, dY, cache):
        mask = cache
        dX = dY if mask is None else dY * mask                      # (P2) undoes (P1)
        return dX, {}

    @classmethod
    def examples(cls, n, rng):
        yield "rate 0.4", (cls(0.4), rng.standard_normal((4, 3, n)))
