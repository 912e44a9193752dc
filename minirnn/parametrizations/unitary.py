"""A unitary matrix stored as itself, to be trained along the unitary group."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations.base import Parametrization


class Unitary(Parametrization):
    """W is its own parameter (UN1), so W̄ is its own gradient (UN2), and WᴴW = I holds because only a rule for the
    group moves it.  [wisdom2016, sec. 4]

    All of U(n), n² real dimensions, is within reach; a product of seven structured factors reaches at most 7n of them.

    params    "" (n, n) complex, orthonormal columns; tagged "unitary"
    raises    UsageError if the matrix is not unitary
    Derivation: docs/derivations/unitary.md
    """

    summary = "a unitary matrix, moved along the unitary group by its rule"
    orthogonal = True

    def __init__(self, W):
        good = W.ndim == 2 and W.shape[0] == W.shape[1] and np.iscomplexobj(W) and orthogonality_error(W) < 1e-3
        if not good:
            raise UsageError(
                "unitary needs a complex square matrix with orthonormal columns "
                f"(got {W.dtype}, shape {W.shape}); take that of a UnitaryProduct, or a QR factor"
            )
        super().__init__(**{"": W})
        self.manifold = {"": "unitary"}

    def matrix(self):
        W = self.params[""]                                         # (UN1)
        return W, None

    def pullback(self, dW, cache):
        d = dW                                                      # (UN2) undoes (UN1)
        return {"": d}

    @classmethod
    def sized(cls, n, rng):
        return cls(np.linalg.qr(rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)))[0])

    @classmethod
    def examples(cls, n, rng):
        yield "", cls.sized(n, rng)
