"""Groups of units that never exchange anything."""

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import blocks
from minirnn.linalg import block_adjoint, block_gradient, block_product
from minirnn.operators import Operator
from minirnn.parametrizations.base import Parametrization


class BlockDiagonal(Parametrization):
    """W = diag(V_1 .. V_g), dense blocks on the diagonal: n²/g weights instead of n².  [vankeirsbilck2019]

    The n units fall into g groups of m = n/g; each group is a small dense network of its own. W has G such
    block-diagonal parts of n rows, one per gate. For every row h of H, gate k and group j, h_j being the group's units,

        z_kj = V_kj h_j                    (B1)  W h, one batched product

    Backward, from z̄ = ∂L/∂z, with v̄ = ∂L/∂v; no gradient exists off the blocks, and none is computed:

        h̄_j  = Σ_k V_kjᵀ z̄_kj              (B2)  undoes (B1) in h: Wᵀ z̄
        V̄_kj = Σ z̄_kj h_jᵀ                 (B3)  undoes (B1) in V, summed over all rows of H

    params    "" V (G, g, m, m); initializers.blocks draws one
    matrix    an operator of shape (G n, n)     cost: G n m multiply-adds per row, against G n²
    raises    UsageError if V is not such a stack of square real blocks
    Derivation: docs/derivations/block_diagonal.md
    """

    summary = "W block-diagonal: g groups of units that never exchange anything"

    def __init__(self, V):
        check_blocks("block-diagonal", V)
        super().__init__(**{"": V})

    def matrix(self):
        V = self.params[""]
        G, g, m, _ = V.shape
        return Operator(self, V, (G * g * m, g * m), V), None

    def pullback(self, dW, cache):
        return {"": dW}

    def apply(self, H, made):
        V = made
        Z = block_product(V, H)                                     # (B1)
        return Z

    def apply_adjoint(self, dZ, made):
        V = made
        dH = block_adjoint(V, dZ)                                   # (B2) undoes (B1) in h
        return dH

    def gradients(self, dZ, H, made):
        V = made
        dV = block_gradient(V, dZ, H)                               # (B3) undoes (B1) in V
        return dV

    @classmethod
    def sized(cls, n, rng):
        return cls(blocks(n, None, rng))

    @classmethod
    def examples(cls, n, rng):
        yield "one block", cls(rng.standard_normal((1, 1, n, n)))
        yield "three blocks", cls(rng.standard_normal((1, 3, 2, 2)))
        yield "four gates", cls(rng.standard_normal((4, 2, 3, 3)))


def check_blocks(name, V):
    """UsageError unless V is real and (gates, g, m, m)."""
    if V.ndim != 4 or V.shape[2] != V.shape[3] or np.iscomplexobj(V):
        given = f"{V.dtype}, shape {V.shape}"
        raise UsageError(f"{name} needs real blocks V (gates, g, m, m) (got {given}); use initializers.blocks")
