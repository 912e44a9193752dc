"""The Elman network: the simplest recurrent cell, and the whole of backpropagation through time on one page."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn import catalog
from minirnn.activations import Tanh
from minirnn.cells.base import Cell
from minirnn.linalg import outer_sum


class Elman(Cell):
    """Elman network, h_t = f(W h_{t-1} + U x_t + b).  [elman1990, sec. 2]

    Forward, for t = 1 .. T from h_0, with a_t = U x_t + b computed beforehand, many steps in one product:

        z_t = a_t + W h_{t-1}              (E1)
        h_t = f(z_t)                       (E2)

    Backward, for t = T .. 1. Write v̄ for ∂L/∂v. h_t is used twice, by what reads the output at t and by step t+1, so
    h̄_t is the sum of the two; the loop adds them before it asks this cell. Then, undoing the lines from the last to the
    first (f' acts entry by entry; ᴴ is the conjugate transpose, plain ᵀ for real numbers):

        z̄_t     = f'(z_t)* ⊙ h̄_t           (E3)  undoes (E2)
        h̄_{t-1} = Wᴴ z̄_t                   (E4)  undoes (E1); ā_t = z̄_t because a_t enters (E1) with factor 1
        W̄       = Σ_t z̄_t h_{t-1}ᴴ         (E5)  one product over all steps and rows, after the loop

    Reversed, where W is orthogonal (unitary) and f loses no more than a few bits s_t of z_t (identity, abs, oplu):

        z_t     = f⁻¹(h_t, s_t)            (E6)  reverses (E2)
        h_{t-1} = Wᴴ (z_t − a_t)           (E7)  reverses (E1): W⁻¹ = Wᴴ

    Rows of the arrays are examples, so the code reads h Wᵀ for W h, and z̄ W* for Wᴴ z̄.
    Shapes: a, z, h (B, n); W (n, n).   Cost: BTn² multiply-adds forward, twice that backward; memory 2BTn, or BTn
    where f' is told from h alone.
    Derivation: docs/derivations/elman.md
    """

    summary = "h = f(W h + U x + b), the simplest recurrent network"
    gates = ("h",)
    states = 1
    matrices = {"W": (1, 1)}

    def __init__(self, activation=None):
        super().__init__()
        self.f = Tanh() if activation is None else activation
        self.children = {"activation": self.f}
        self.kinds, self.reversible = self.f.kinds, self.f.reversible

    def step(self, a, state, w, out):
        (h_prev,) = state
        z = np.add(a, h_prev @ w.W.T, out=a)                        # (E1) in place: a is not needed again
        h = self.f.forward(z, out[0])                               # (E2)
        return (h,), z if self.f.needs_z else None

    def step_backward(self, dstate, state_prev, state, cache, w, out):
        (dh,), (h,), z = dstate, state, cache
        dz = self.f.backward(dh, z, h, out)                         # (E3) undoes (E2)
        dh_prev = dz @ w.W.conj()                                   # (E4) undoes (E1)
        return dz, (dh_prev,)

    def matrix_gradients(self, dA, states, caches, w):
        (H,) = states
        dW = outer_sum(w.W, dA, H[:-1])                             # (E5)
        return {"W": dW}

    def vector_gradients(self, dstate, state_prev, state, cache, da):
        (dh,), (h,), z = dstate, state, cache
        return {f"activation.{name}": d for name, d in self.f.gradients(dh, z, h).items()}

    def lost(self, caches):
        bits: list[Any] = [self.f.lost(z) for z in caches]
        return None if bits[0] is None else np.stack(bits)

    def step_reverse(self, a, state, lost, w):
        (h,) = state
        z = self.f.inverse(h, lost)                                 # (E6) reverses (E2)
        h_prev = (z - a) @ w.W.conj()                               # (E7) reverses (E1)
        return (h_prev,), z

    @classmethod
    def examples(cls, n, rng):
        for label, activation in catalog.examples("activations", n, rng):
            yield label, cls(activation)
