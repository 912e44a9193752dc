"""The free matrix."""

import numpy as np

from minirnn.parametrizations.base import Parametrization


class Dense(Parametrization):
    """W is its own parameter (D1), so W̄ is its own gradient (D2). Any shape.

    params    "" (rows, columns), the matrix

    Derivation: docs/derivations/dense.md
    """

    summary = "a free matrix"

    def __init__(self, W):
        super().__init__(**{"": W})

    def matrix(self):
        W = self.params[""]                                         # (D1)
        return W, None

    def pullback(self, dW, cache):
        d = dW                                                      # (D2) undoes (D1)
        return {"": d}

    @classmethod
    def examples(cls, n, rng):
        yield "square", cls(rng.standard_normal((n, n)) / np.sqrt(n))
        yield "tall", cls(rng.standard_normal((2 * n, n)) / np.sqrt(n))
