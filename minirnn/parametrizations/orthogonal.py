"""An orthogonal matrix stored as itself, to be trained along the Stiefel manifold."""

import numpy as np

from minirnn import initializers
from minirnn.errors import UsageError
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations.base import Parametrization


class Orthogonal(Parametrization):
    """W is its own parameter (O1), so W̄ is its own gradient (O2), and WᵀW = I holds because only a rule for the
    manifold moves it.  [wisdom2016, sec. 4; vorontsov2017, sec. 2]

    No coordinates: all of O(n) on W's side of det = ±1 is within reach, at the cost of a rule that knows the manifold
    (`geodesic`, `plumbley-multiplicative`); a straight-line rule is refused when the optimizer is built.

    params    "" (n, p), n >= p, orthonormal columns; tagged "stiefel"
    raises    UsageError if the columns are not orthonormal
    Derivation: docs/derivations/orthogonal.md
    """

    summary = "an orthogonal matrix, moved along the Stiefel manifold by its rule"
    orthogonal = True

    def __init__(self, W):
        good = W.ndim == 2 and W.shape[0] >= W.shape[1] and not np.iscomplexobj(W) and orthogonality_error(W) < 1e-3
        if not good:
            raise UsageError(
                "orthogonal needs a real n x p matrix, n >= p, with orthonormal columns "
                f"(got {W.dtype}, shape {W.shape}); see initializers.orthogonal"
            )
        super().__init__(**{"": W})
        self.manifold = {"": "stiefel"}

    def matrix(self):
        W = self.params[""]                                         # (O1)
        return W, None

    def pullback(self, dW, cache):
        d = dW                                                      # (O2) undoes (O1)
        return {"": d}

    @classmethod
    def sized(cls, n, rng):
        return cls(initializers.orthogonal((n, n), rng))

    @classmethod
    def examples(cls, n, rng):
        yield "square", cls(initializers.orthogonal((n, n), rng))
        yield "tall", cls(initializers.orthogonal((2 * n, n), rng))
