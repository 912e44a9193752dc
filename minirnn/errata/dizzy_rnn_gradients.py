"""Dorobantu, Stromhaug and Renteria: what is stored, and which gradients keep their norm."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense, Givens


def storage_of_all_packed_rotations() -> Numbers:
    """n = 128, T = 100, one example, all n − 1 packed rotations: numbers held for the backward pass, and an error."""
    n, T = 128, 100
    rng = np.random.default_rng(0)
    W = Givens(rng.uniform(-np.pi, np.pi, (n - 1, n // 2)), n)
    turns, X = W.turns(), rng.standard_normal((n, 1))
    _, _, again = W.backward(W.turned(X, turns), X, turns)
    return {
        "a standard network: W and T states": n * n + T * n,
        "rotations, their angles and every output kept": n * (n - 1) // 2 + T * (n - 1) * n,
        "rotations, their angles and T states, outputs recovered": n * (n - 1) // 2 + T * n,
        "largest error of an input recovered through 127 rotations": np.max(np.abs(again - X)),
    }


def gradients_of_states_and_of_parameters() -> Numbers:
    """Packed rotations (n = 16, all 15) and |x|, random inputs, a unit gradient at h_T."""
    found: Numbers = {}
    for T in (10, 100, 1000):
        rng = np.random.default_rng(0)
        W = Givens(rng.uniform(-np.pi, np.pi, (15, 8)), 16)
        U, X, g = rng.standard_normal((16, 4)) / 2, rng.standard_normal((T, 1, 4)), rng.standard_normal((1, 1, 16))
        layer = Recurrent(Elman(Abs()), Dense(U), None, h0=(np.zeros(16),), W=W)
        _, _, tape = layer.forward(X)
        dX, grads = layer.backward(g / np.linalg.norm(g), tape)
        found |= {
            f"‖∂L/∂h_0‖, T = {T}": float(np.linalg.norm(grads["h0"])),
            f"‖∂L/∂x_1‖, T = {T}": float(np.linalg.norm(dX[0])),
            f"‖∂L/∂U‖_F, T = {T}": float(np.linalg.norm(grads["U"])),
            f"‖∂L/∂θ‖, T = {T}": float(np.linalg.norm(grads["W.theta"])),
        }
    return found


ERRATA = (
    Erratum(
        "[dorobantu2016, sec. 4]",
        "The same space only if rotations are undone instead of stored",
        "“The reparameterization maintains the same algorithmic space and time complexity as a standard RNN.”",
        "The time is the same, up to a factor: a matrix of n² entries, or n(n − 1)/2 rotations of six operations. The "
        "space is n times larger if each packed rotation keeps what it was given, as a program that "
        "differentiates automatically does. It is the same if the backward pass turns back, as `givens` does.",
        "n − 1 packed rotations with n outputs each are O(n²) numbers per step and example, instead of n. A rotation "
        "is undone by the opposite one, and an angle's gradient needs the outputs alone.",
        storage_of_all_packed_rotations,
    ),
    Erratum(
        "[dorobantu2016, sec. 4; dorobantu2016, thm. 3; dorobantu2016, thm. 4]",
        "Only the signal from state to state is preserved",
        "The network “provably has no vanishing or exploding gradient”; the theorems equate the norms of ∂L/∂h at "
        "different steps (and of stacked cells).",
        "The theorems hold for these signals. The gradients with respect to angles, biases and a rectangular input "
        "matrix are sums over all steps of products with the states, and nothing preserves their norm: they may grow "
        "with T.",
        "∂L/∂U = Σ z̄_t x_tᵀ with ‖z̄_t‖ = ‖∂L/∂h_T‖ for all t, of length at most T max ‖x_t‖; ∂L/∂θ has the states in "
        "place of the inputs, and they grow, too. ‖∂L/∂x_t‖ = ‖Uᵀ z̄_t‖ depends on U.",
        gradients_of_states_and_of_parameters,
    ),
)
