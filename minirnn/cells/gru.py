"""The gated recurrent unit: two gates, one state, and three readings of where the reset gate acts."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn import catalog
from minirnn.cells.base import Cell
from minirnn.errors import UsageError
from minirnn.linalg import outer_sum, sigmoid


class GRU(Cell):
    """Gated recurrent unit, h_t = (1 − u) ⊙ h_{t-1} + u ⊙ c.  [chu, sec. 5; cho2014]

    Forward. a_t = U x_t + b holds three blocks (a_u, a_r, a_c); W is (2n, n) for the gates u and r, W_h is (n, n):

        (z_u, z_r) = (a_u, a_r) + W h_{t-1}        (G1)
        u = σ(z_u),  r = σ(z_r)                    (G2)  update gate, reset gate
        z_c, the only place where the variants differ:
          before   q = r ⊙ h_{t-1}                 (G3)  [cho2014, version 3]
                   z_c = a_c + W_h q               (G4)
          after    k = W_h h_{t-1} + b_hn          (G5)  [cho2014, version 1]; PyTorch and cuDNN
                   z_c = a_c + r ⊙ k               (G6)
          none     z_c = a_c + W_h h_{t-1}         (G7)  [chu, sec. 4], as printed: r is computed and not used
        c = tanh(z_c)                              (G8)  candidate
        h_t = (1 − u) ⊙ h_{t-1} + u ⊙ c            (G9)  written as h_{t-1} + u ⊙ (c − h_{t-1})

    Backward, v̄ = ∂L/∂v, with σ' = σ(1 − σ) and tanh' = 1 − tanh²:

        c̄   = h̄_t ⊙ u                             (G10) undoes (G9) in c
        z̄_c = c̄ ⊙ (1 − c²)                        (G11) undoes (G8)
        z̄_u = c̄ ⊙ (c − h_{t-1}) ⊙ (1 − u)         (G12) undoes (G9) in u, then (G2): h̄ u = c̄
        r̄, and p̄, what h_{t-1} receives through the candidate:
          before   q̄ = W_hᵀ z̄_c                   (G13) undoes (G4)
                   r̄ = q̄ ⊙ h_{t-1}                (G14) undoes (G3) in r
                   p̄ = q̄ ⊙ r                      (G15) undoes (G3) in h
                   W̄_h = Σ_t z̄_c qᵀ               (G16) undoes (G4) in W_h, after the loop
          after    r̄ = z̄_c ⊙ k                    (G17) undoes (G6) in r
                   k̄ = z̄_c ⊙ r                    (G18) undoes (G6) in k
                   p̄ = W_hᵀ k̄                     (G19) undoes (G5)
                   W̄_h = Σ_t (z̄_c ⊙ r) h_{t-1}ᵀ   (G20) Σ k̄ hᵀ, undoes (G5) in W_h, after the loop
                   b̄_hn = Σ_t z̄_c ⊙ r             (G21) Σ k̄, undoes (G5) in b_hn
          none     p̄ = W_hᵀ z̄_c, and r̄ = 0        (G22) undoes (G7)
                   W̄_h = Σ_t z̄_c h_{t-1}ᵀ         (G23) undoes (G7) in W_h, after the loop
        z̄_r = r̄ ⊙ r ⊙ (1 − r)                     (G24) undoes (G2)
        h̄_{t-1} = h̄_t − c̄ + p̄ + Wᵀ (z̄_u, z̄_r)     (G25) undoes (G9), the candidate and (G1) in h: h̄ (1 − u) = h̄ − c̄
        W̄ = Σ_t (z̄_u, z̄_r) h_{t-1}ᵀ               (G26) undoes (G1) in W: both gates in one product, after the loop

    reset    "after" (default), "before" or "none"
    b_hn     (n,), the own bias of "after", inside the reset gate's reach; the other variants have none
    unused   names of the gates whose gradients are identically zero: ("r",) for "none", else ()

    Shapes: a (3, B, n); u, r, c, h (B, n); W (2n, n), W_h (n, n). Cost: 6BTn² operations forward, 12BTn² backward.
    Cached: u, r and c, in the memory of a; and q or k.   Derivation: docs/derivations/gru.md
    """

    summary = "gated recurrent unit; the reset gate acts before W_h, after it, or (as Chu prints it) not at all"
    gates = ("u", "r", "c")
    states = 1
    matrices = {"W": (2, 1), "W_h": (1, 1)}

    class Before:
        """The reset gate selects what W_h sees."""

        def step(self, a, r, h, w):
            q = r * h                                               # (G3)
            z = np.add(a, q @ w.W_h.T, out=a)                       # (G4)
            return z, q

        def step_backward(self, dz, r, h, q, w):
            dq = dz @ w.W_h.conj()                                  # (G13) undoes (G4)
            dr = dq * h                                             # (G14) undoes (G3) in r
            dp = dq * r                                             # (G15) undoes (G3) in h
            return dr, dp

        def matrix_gradients(self, dZ, caches, H, w):
            Q = np.stack([q for _, q in caches])
            dW_h = outer_sum(w.W_h, dZ, Q)                          # (G16) undoes (G4) in W_h
            return dW_h

    class After:
        """The reset gate selects what W_h says: one product can serve all three gates."""

        def step(self, a, r, h, w):
            k = h @ w.W_h.T + w.b_hn                                # (G5)
            z = np.add(a, r * k, out=a)                             # (G6)
            return z, k

        def step_backward(self, dz, r, h, k, w):
            dr = dz * k                                             # (G17) undoes (G6) in r
            dk = dz * r                                             # (G18) undoes (G6) in k
            dp = dk @ w.W_h.conj()                                  # (G19) undoes (G5)
            return dr, dp

        def matrix_gradients(self, dZ, caches, H, w):
            R = np.stack([r for (_, r, _), _ in caches])
            dW_h = outer_sum(w.W_h, dZ * R, H)                      # (G20) undoes (G5) in W_h
            return dW_h

        def vector_gradients(self, dz, r):
            db_hn = np.sum(dz * r, axis=0)                          # (G21) undoes (G5) in b_hn
            return {"b_hn": db_hn}

    class Unused:
        """The reset gate reaches nothing, so nothing reaches the reset gate."""

        def step(self, a, r, h, w):
            z = np.add(a, h @ w.W_h.T, out=a)                       # (G7)
            return z, None

        def step_backward(self, dz, r, h, kept, w):
            dp = dz @ w.W_h.conj()                                  # (G22) undoes (G7)
            return np.zeros_like(dz), dp

        def matrix_gradients(self, dZ, caches, H, w):
            dW_h = outer_sum(w.W_h, dZ, H)                          # (G23) undoes (G7) in W_h
            return dW_h

    resets: dict[str, Any] = {"before": Before(), "after": After(), "none": Unused()}

    def __init__(self, reset="after", b_hn=None):
        super().__init__()
        if reset not in self.resets:
            raise catalog.unknown("reset", reset, self.resets)
        if (reset == "after") != (b_hn is not None):
            given = "none was given" if b_hn is None else f"one was given for {reset!r}"
            raise UsageError(f"b_hn (n,) is the bias of reset='after', and of no other ({given}); see GRU.sized(n)")
        self.candidate = self.resets[reset]
        self.unused = ("r",) if reset == "none" else ()
        self.params = {} if b_hn is None else {"b_hn": b_hn}

    @classmethod
    def sized(cls, n, reset="after"):
        return cls(reset, np.zeros(n) if reset == "after" else None)

    def prepare(self, w):
        w.b_hn = self.params.get("b_hn")

    def step(self, a, state, w, out):
        (h_prev,), a_ur, a_c = state, a[:2], a[2]
        z = a_ur + h_prev @ w.W.T                                   # (G1)
        u, r = sigmoid(z, out=a_ur)                                 # (G2) in the memory of a
        z_c, kept = self.candidate.step(a_c, r, h_prev, w)
        c = np.tanh(z_c, out=z_c)                                   # (G8)
        h = np.add(h_prev, u * (c - h_prev), out=out[0])            # (G9)
        return (h,), (a, kept)

    def step_backward(self, dstate, state_prev, state, cache, w, out):
        (dh,), (h_prev,), (gates, kept), dz = dstate, state_prev, cache, out
        (u, r, c), (dzu, dzr, dzc) = gates, dz
        dc = dh * u                                                 # (G10) undoes (G9) in c
        dzc[...] = dc * (1 - c * c)                                 # (G11) undoes (G8)
        dzu[...] = dc * (c - h_prev) * (1 - u)                      # (G12) undoes (G9) in u, (G2)
        dr, dp = self.candidate.step_backward(dzc, r, h_prev, kept, w)
        dzr[...] = dr * r * (1 - r)                                 # (G24) undoes (G2)
        dh_prev = dh - dc + dp + dz[:2] @ w.W.conj()                # (G25) undoes (G9), the candidate, (G1) in h
        return dz, (dh_prev,)

    def matrix_gradients(self, dA, states, caches, w):
        H = states[0][:-1]
        dW = outer_sum(w.W, dA[:, :2], H)                           # (G26) undoes (G1) in W
        return {"W": dW, "W_h": self.candidate.matrix_gradients(dA[:, 2], caches, H, w)}

    def vector_gradients(self, dstate, state_prev, state, cache, da):
        ((_, r, _), _), (_, _, dzc) = cache, da
        return self.candidate.vector_gradients(dzc, r)

    @classmethod
    def examples(cls, n, rng):
        yield "reset before", cls("before")
        yield "reset after", cls("after", rng.standard_normal(n))
        yield "reset none", cls("none")
