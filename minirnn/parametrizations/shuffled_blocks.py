"""Groups of units that change partners at every step."""

import numpy as np

from minirnn.initializers import blocks
from minirnn.linalg import block_adjoint, block_gradient, block_product
from minirnn.operators import Operator
from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.block_diagonal import check_blocks


class ShuffledBlocks(Parametrization):
    """W = diag(V_1 .. V_g) Π, blocks after a fixed permutation: n²/g weights, yet all units mix.  [vankeirsbilck2019]

    Π deals the g groups of m = n/g units out like cards: unit m a + b moves to place g b + a, so that a group draws
    its units from as many groups as it can, and what one unit knows reaches every other in about log n / log m steps.
    The blocks are those of `BlockDiagonal`, one stack of g per gate k. For every row h of H,

        x = Π h                            (S1)  a copy, no arithmetic
        z_kj = V_kj x_j                    (S2)  one batched product

    Backward, from z̄ = ∂L/∂z, with v̄ = ∂L/∂v; a permutation's transpose is its inverse:

        x̄_j  = Σ_k V_kjᵀ z̄_kj              (S3)  undoes (S2) in x
        h̄    = Πᵀ x̄                        (S4)  undoes (S1)
        V̄_kj = Σ z̄_kj x_jᵀ                 (S5)  undoes (S2) in V, summed over all rows of H

    params    "" V (G, g, m, m)
    buffers   order (n,): x = h[order];  back (n,): its inverse
    matrix    an operator of shape (G n, n)     cost: G n m multiply-adds per row and two copies, against G n²
    raises    UsageError if V is not a stack of square real blocks
    Derivation: docs/derivations/shuffled_blocks.md
    """

    summary = "W block-diagonal after a fixed shuffle: few weights, and all units mix"

    def __init__(self, V):
        check_blocks("shuffled-blocks", V)
        super().__init__(**{"": V})
        g, m = V.shape[1:3]
        order = np.arange(g * m).reshape(g, m).T.reshape(-1)
        self.buffers = {"order": order, "back": np.argsort(order)}

    def matrix(self):
        V = self.params[""]
        G, g, m, _ = V.shape
        made = V, self.buffers["order"], self.buffers["back"]
        return Operator(self, made, (G * g * m, g * m), V), None

    def pullback(self, dW, cache):
        return {"": dW}

    def apply(self, H, made):
        V, order, _ = made
        X = np.take(H, order, axis=-1)                              # (S1)
        Z = block_product(V, X)                                     # (S2)
        return Z

    def apply_adjoint(self, dZ, made):
        V, _, back = made
        dX = block_adjoint(V, dZ)                                   # (S3) undoes (S2) in x
        dH = np.take(dX, back, axis=-1)                             # (S4) undoes (S1)
        return dH

    def gradients(self, dZ, H, made):
        V, order, _ = made
        X = np.take(H, order, axis=-1)
        dV = block_gradient(V, dZ, X)                               # (S5) undoes (S2) in V
        return dV

    @classmethod
    def sized(cls, n, rng):
        return cls(blocks(n, None, rng))

    @classmethod
    def examples(cls, n, rng):
        yield "two by three", cls(rng.standard_normal((1, 2, 3, 3)))
        yield "three by two", cls(rng.standard_normal((1, 3, 2, 2)))
        yield "four gates", cls(rng.standard_normal((4, 3, 3, 3)))
