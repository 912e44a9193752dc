"""Every unit remembers itself alone."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import uniform
from minirnn.operators import Operator
from minirnn.parametrizations.base import Parametrization


class Diagonal(Parametrization):
    """W = diag(w), one diagonal per gate stacked: n weights per gate instead of n².  [vankeirsbilck2019; li2018]

    W has G blocks of n rows, one per gate; block k is diag(w_k). For every row h of H and gate k,

        z_k = w_k ⊙ h                      (A1)  W h

    Backward, from z̄ = ∂L/∂z, with v̄ = ∂L/∂v; each w_k is used once per row, h once per gate:

        h̄   = Σ_k w_k ⊙ z̄_k                (A2)  undoes (A1) in h: Wᵀ z̄
        w̄_k = Σ z̄_k ⊙ h                    (A3)  undoes (A1) in w, summed over all rows of H

    params    "" w (G, n)
    matrix    an operator of shape (G n, n)     cost: G n per row, against G n² for a dense matrix
    raises    UsageError if w is not (G, n) or not real
    Derivation: docs/derivations/diagonal.md
    """

    summary = "W = diag(w): every unit remembers itself alone"

    def __init__(self, w):
        if w.ndim != 2 or np.iscomplexobj(w):
            raise UsageError(f"diagonal needs a real w (gates, n) (got {w.dtype}, shape {w.shape}); reshape to (1, n)")
        super().__init__(**{"": w})

    def matrix(self):
        w = self.params[""]
        return Operator(self, w, (w.size, w.shape[1]), w), None

    def pullback(self, dW, cache):
        return {"": dW}

    def apply(self, H, made):
        w = made
        Z = H[..., None, :] * w                                     # (A1)
        return Z.reshape(*H.shape[:-1], w.size)

    def apply_adjoint(self, dZ, made):
        w = made
        dZ = dZ.reshape(*dZ.shape[:-1], *w.shape)
        dH = np.sum(dZ * w, axis=-2)                                # (A2) undoes (A1) in h
        return dH

    def gradients(self, dZ, H, made):
        w = made
        dZ, H = dZ.reshape(-1, *w.shape), H.reshape(-1, 1, w.shape[1])
        dw = np.sum(dZ * H, axis=0)                                 # (A3) undoes (A1) in w
        return dw

    @classmethod
    def sized(cls, n, rng):
        return cls(uniform((1, n), 1.0, rng))

    @classmethod
    def examples(cls, n, rng):
        yield "one gate", cls(rng.standard_normal((1, n)))
        yield "four gates", cls(rng.standard_normal((4, n)))
