"""Long short-term memory whose gates see the memory cell: two before it is updated, one after."""

from __future__ import annotations

import numpy as np

from minirnn.cells.base import Cell
from minirnn.errors import UsageError
from minirnn.linalg import outer_sum, sigmoid


class PeepholeLSTM(Cell):
    """Long short-term memory with peephole connections.  [gers2002, sec. 2.2]

    The cell `LSTM` with one vector per gate through which it sees the memory of its own unit. The input and forget
    gates decide about c_t and see c_{t-1}; the output gate comes after and sees c_t. Forward:

        z_t = a_t + W h_{t-1}                      (P1)  z = (z_i, z_f, z_g, z_o)
        i = σ(z_i + p_i ⊙ c_{t-1})                 (P2)  input gate
        f = σ(z_f + p_f ⊙ c_{t-1})                 (P3)  forget gate
        g = tanh(z_g)                              (P4)  candidate
        c_t = f ⊙ c_{t-1} + i ⊙ g                  (P5)
        o = σ(z_o + p_o ⊙ c_t)                     (P6)  output gate: the new c
        h_t = o ⊙ tanh(c_t)                        (P7)

    Backward, v̄ = ∂L/∂v. c_t reaches the loss through h_t (P7) and o (P6), both within this step, and through c_{t+1}
    (P5) and the gates i, f of step t+1 (P2), (P3), which that step has added up already. So z̄_o comes first, then
    c̄_t is completed, then everything that uses it:

        z̄_o      = h̄_t ⊙ tanh c_t ⊙ o (1 − o)      (P8)  undoes (P7) in o, then (P6)
        c̄_t     += h̄_t ⊙ o ⊙ (1 − tanh² c_t) + z̄_o ⊙ p_o   (P9)  undoes (P7) and (P6) in c
        z̄_g      = c̄_t ⊙ i ⊙ (1 − g²)              (P10) undoes (P5) in g, then (P4)
        z̄_f      = c̄_t ⊙ c_{t-1} ⊙ f (1 − f)       (P11) undoes (P5) in f, then (P3)
        z̄_i      = c̄_t ⊙ g ⊙ i (1 − i)             (P12) undoes (P5) in i, then (P2)
        c̄_{t-1}  = c̄_t ⊙ f + z̄_f ⊙ p_f + z̄_i ⊙ p_i (P13) undoes (P5), (P3), (P2) in c
        h̄_{t-1}  = Wᵀ z̄_t                          (P14) undoes (P1)
        W̄        = Σ_t z̄_t h_{t-1}ᵀ                (P15) all four gates in one product, after the loop
        p̄_i      = Σ_t z̄_i ⊙ c_{t-1}               (P16) summed over the rows too; likewise
        p̄_f      = Σ_t z̄_f ⊙ c_{t-1}               (P17)
        p̄_o      = Σ_t z̄_o ⊙ c_t                   (P18)

    p_i, p_f, p_o    (n,) each
    Differs: this is the whole gradient; the source cuts the error where it would leave a memory cell through a gate.
    Shapes: a, z (4, B, n); i, f, g, o, c, h (B, n); W (4n, n).   Cost: 8BTn² operations forward, 16BTn² backward.
    Cached: i, f, g, o and tanh c.   Derivation: docs/derivations/peephole_lstm.md
    """

    summary = "long short-term memory whose gates also see the memory cell"
    gates = ("i", "f", "g", "o")
    states = 2
    matrices = {"W": (4, 1)}

    def __init__(self, p_i, p_f, p_o):
        super().__init__()
        shapes = {p.shape for p in (p_i, p_f, p_o)}
        if len(shapes) > 1 or p_i.ndim != 1:
            raise UsageError(f"p_i, p_f and p_o must be three vectors (n,) (got shapes {sorted(shapes)})")
        self.params = {"p_i": p_i, "p_f": p_f, "p_o": p_o}

    @classmethod
    def sized(cls, n):
        return cls(*np.zeros((3, n)))

    def step(self, a, state, w, out):
        (h_prev, c_prev), p = state, self.params
        z = np.add(a, h_prev @ w.W.T, out=a)                        # (P1) in place: a is not needed again
        i, f, g, o = z                                              # so far the four z; each becomes its gate
        i[...] = sigmoid(i + p["p_i"] * c_prev)                     # (P2)
        f[...] = sigmoid(f + p["p_f"] * c_prev)                     # (P3)
        g[...] = np.tanh(g)                                         # (P4)
        c = np.add(f * c_prev, i * g, out=out[1])                   # (P5)
        o[...] = sigmoid(o + p["p_o"] * c)                          # (P6)
        tanh_c = np.tanh(c)
        h = np.multiply(o, tanh_c, out=out[0])                      # (P7)
        return (h, c), (z, tanh_c)

    def step_backward(self, dstate, state_prev, state, cache, w, out):
        (dh, dc), (_, c_prev), (gates, tanh_c), dz, p = dstate, state_prev, cache, out, self.params
        (i, f, g, o), (dzi, dzf, dzg, dzo) = gates, dz
        dzo[...] = dh * tanh_c * o * (1 - o)                        # (P8)  undoes (P7) in o, (P6)
        dc = dc + dh * o * (1 - tanh_c * tanh_c) + dzo * p["p_o"]   # (P9)  undoes (P7), (P6) in c; dc is now complete
        dzg[...] = dc * i * (1 - g * g)                             # (P10) undoes (P5) in g, (P4)
        dzf[...] = dc * c_prev * f * (1 - f)                        # (P11) undoes (P5) in f, (P3)
        dzi[...] = dc * g * i * (1 - i)                             # (P12) undoes (P5) in i, (P2)
        dc_prev = dc * f + dzf * p["p_f"] + dzi * p["p_i"]          # (P13) undoes (P5), (P3), (P2) in c
        dh_prev = dz @ w.W.conj()                                   # (P14) undoes (P1)
        return dz, (dh_prev, dc_prev)

    def matrix_gradients(self, dA, states, caches, w):
        H, _ = states
        dW = outer_sum(w.W, dA, H[:-1])                             # (P15) undoes (P1) in W
        return {"W": dW}

    def vector_gradients(self, dstate, state_prev, state, cache, da):
        (_, c_prev), (_, c), (dzi, dzf, _, dzo) = state_prev, state, da
        dp_i = np.sum(dzi * c_prev, axis=0)                         # (P16) undoes (P2) in p
        dp_f = np.sum(dzf * c_prev, axis=0)                         # (P17) undoes (P3) in p
        dp_o = np.sum(dzo * c, axis=0)                              # (P18) undoes (P6) in p
        return {"p_i": dp_i, "p_f": dp_f, "p_o": dp_o}

    @classmethod
    def examples(cls, n, rng):
        yield "", cls(*rng.standard_normal((3, n)))
        yield "p = 0", cls(*np.zeros((3, n)))
