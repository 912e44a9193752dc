"""Long short-term memory: four gates, two states, one product per step."""

from __future__ import annotations

import numpy as np

from minirnn.cells.base import Cell
from minirnn.linalg import outer_sum
from minirnn.operators import filled


class LSTM(Cell):
    """Long short-term memory with a forget gate.  [hochreiter1997; gers2000]

    Forward. a_t = U x_t + b holds four blocks, one per gate, in the order i, f, g, o; so does W:

        z_t = a_t + W h_{t-1}              (L1)  z = (z_i, z_f, z_g, z_o)
        i = σ(z_i)                         (L2)  input gate
        f = σ(z_f)                         (L3)  forget gate
        g = tanh(z_g)                      (L4)  candidate
        o = σ(z_o)                         (L5)  output gate
        c_t = f ⊙ c_{t-1} + i ⊙ g          (L6)  the memory: its own Jacobian is diag(f)
        h_t = o ⊙ tanh(c_t)                (L7)

    Backward, v̄ = ∂L/∂v, with σ' = σ(1 - σ) and tanh' = 1 - tanh². The order matters: c_t reaches the loss through
    h_t (L7) and through c_{t+1}; c̄_t is complete only once both have been added, and everything after uses it.

        c̄_t     += h̄_t ⊙ (o - h_t ⊙ tanh c_t)     (L8)  undoes (L7) in c: o (1 - tanh² c), since o tanh c = h
        z̄_o      = h̄_t ⊙ h_t ⊙ (1 - o)            (L9)  undoes (L7) in o, then (L5): tanh c ⊙ o = h again
        c̄_{t-1}  = c̄_t ⊙ f                        (L10) undoes (L6) in c
        z̄_f      = c̄_{t-1} ⊙ c_{t-1} ⊙ (1 - f)    (L11) undoes (L6) in f, then (L3): c̄_t ⊙ f is (L10)
        z̄_i      = c̄_t ⊙ i ⊙ g ⊙ (1 - i)          (L12) undoes (L6) in i, then (L2)
        z̄_g      = c̄_t ⊙ i ⊙ (1 + g) ⊙ (1 - g)    (L13) undoes (L6) in g, then (L4)
        h̄_{t-1}  = Wᵀ z̄_t                         (L14) undoes (L1)
        W̄        = Σ_t z̄_t h_{t-1}ᵀ               (L15) all four gates in one product, after the loop

    Shapes: a, z (4, B, n); i, f, g, o, c, h (B, n); W (4n, n).   Cost: 4BTn² multiply-adds forward, 8BTn² backward.
    Cached: the gates, in the memory of a, and tanh c.   Derivation: docs/derivations/lstm.md
    """

    summary = "long short-term memory: input, forget and output gates around a memory cell"
    gates = ("i", "f", "g", "o")
    states = 2
    matrices = {"W": (4, 1)}

    def prepare(self, w):
        """σ(z) = ½ + ½ tanh(z/2): with s = ½ for i, f, o and s = 1 for g, (1 − s) + s tanh(s z) is every gate."""
        w.s = filled(w.W, (4, 1, 1), 0.5)
        w.s[2] = 1
        w.rest = 1 - w.s

    def step(self, a, state, w, out):
        h_prev, c_prev = state
        z = np.add(a, h_prev @ w.W.T, out=a)                        # (L1) in place: a is not needed again
        z *= w.s
        gates = np.tanh(z, out=z)
        gates *= w.s
        gates += w.rest                                             # (L2) (L3) (L4) (L5) in the memory of a
        i, f, g, o = gates
        c = np.add(f * c_prev, i * g, out=out[1])                   # (L6)
        tanh_c = np.tanh(c)
        h = np.multiply(o, tanh_c, out=out[0])                      # (L7)
        return (h, c), (gates, tanh_c)

    def step_backward(self, dstate, state_prev, state, cache, w, out):
        (dh, dc), (_, c_prev), (h, _), (gates, tanh_c), dz = dstate, state_prev, state, cache, out
        (i, f, g, o), (dzi, dzf, dzg, dzo) = gates, dz
        dc = dc + dh * (o - h * tanh_c)                             # (L8)  undoes (L7) in c; dc is now complete
        dzo[...] = dh * h                                           # (L9)  undoes (L7) in o, (L5)
        dc_prev = dc * f                                            # (L10) undoes (L6) in c
        dzf[...] = dc_prev * c_prev                                 # (L11) undoes (L6) in f, (L3)
        dg = dc * i
        dzi[...] = dg * g                                           # (L12) undoes (L6) in i, (L2)
        dzg[...] = dg + dzi                                         # (L13) undoes (L6) in g, (L4): dg (1 + g)
        dz *= 1 - gates                                             # the last factor of (L9), (L11), (L12), (L13)
        dh_prev = dz @ w.W.conj()                                   # (L14) undoes (L1)
        return dz, (dh_prev, dc_prev)

    def matrix_gradients(self, dA, states, caches, w):
        H, _ = states
        dW = outer_sum(w.W, dA, H[:-1])                             # (L15)
        return {"W": dW}

    @classmethod
    def examples(cls, n, rng):
        yield "", cls()
