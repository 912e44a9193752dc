"""Chu: the tables, and the gated unit."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs, LeakyReLU, ReLU
from minirnn.cells import GRU
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.gates import step_matrices
from minirnn.products import split


def a_reset_gate_that_resets_nothing() -> Numbers:
    """n = 5, one step, random weights, states and gradient; the last two blocks of W are u and r."""
    found = {}
    for reset in ("none", "before", "after"):
        rng = np.random.default_rng(0)
        cell = GRU(reset, rng.standard_normal(5) if reset == "after" else None)
        matrices = {"W": rng.standard_normal((10, 5)), "W_h": rng.standard_normal((5, 5))}
        w = step_matrices(cell, matrices, rows=3)
        cell.prepare(w)
        h = (rng.standard_normal((3, 5)),)
        state, cache = cell.step(split(rng.standard_normal((3, 15)), 3), h, w, (np.empty((3, 5)),))
        dz, _ = cell.step_backward((rng.standard_normal((3, 5)),), h, state, cache, w, np.empty((3, 3, 5)))
        label = "as printed" if reset == "none" else f"reset {reset} W_h"
        found[f"largest |gradient| of the reset gate, {label}"] = np.max(np.abs(dz[1]))
    return found


def accuracy_bounds_the_cross_entropy() -> Numbers:
    """The row uRNN, N = 400: accuracy 56.73 %, loss 0.10."""
    accuracy = 0.5673
    return {
        "smallest mean cross-entropy at this accuracy, in nats": (1 - accuracy) * np.log(2),
        "the same in bits": 1 - accuracy,
        "the same in decimal digits": (1 - accuracy) * np.log10(2),
        "printed": 0.10,
    }


def an_activation_has_bounds_and_no_eigenvalues() -> Numbers:
    """The eigenvalues of diag(σ'(z)) at 1,000 random z, and the bounds β and γ of |σ'| that the library states."""
    z = np.random.default_rng(0).standard_normal(1000)
    found: Numbers = {}
    for label, f in (("|x|", Abs()), ("ReLU", ReLU()), ("leaky ReLU, slope 0.5", LeakyReLU(0.5))):
        slopes = f.backward(np.ones(1000), z, f.forward(z))         # diag(σ'(z)) holds its own eigenvalues
        found |= {f"smallest eigenvalue, {label}": np.min(slopes), f"largest eigenvalue, {label}": np.max(slopes)}
        found |= {f"β, {label}": f.bounds[0], f"γ, {label}": f.bounds[1]}
    return found


def a_tenth_of_chance() -> Numbers:
    """Guessing one of M values on 1,000 test sequences, a number that the paper does not give."""
    chance, deviation = 10.0, 100 * np.sqrt(0.1 * 0.9 / 1000)
    return {
        "loss of a uniform guess, M = 10": np.log(10),
        "loss of a uniform guess, M = 9": np.log(9),
        "loss of a uniform guess, M = 11": np.log(11),
        "loss printed for the RNN": 2.33,
        "standard deviations from 10 % to 9.36 %": (chance - 9.36) / deviation,
        "standard deviations from 10 % to 0.936 %": (chance - 0.936) / deviation,
    }


ERRATA = (
    Erratum(
        "[chu, Table 2]",
        "The “eigenvalues of various activation functions” are bounds of their derivative",
        "Table 2, with columns for the smallest and the largest λ: 1 and 1 for “x”, 0 and 1 for ReLU, [0, 1] and 1 for "
        "leaky ReLU.",
        "They are β and γ of Theorem 1, the bounds of |σ'|. The first row means |x|, which the text names; so do the "
        "tables 5 and 6. (Bars may also have been lost from the copy at hand.)",
        "A function that acts entry by entry has no eigenvalues unless it is linear. Its Jacobian diag(σ'(z)) has the "
        "eigenvalues σ'(z_i), for |x| both −1 and 1; the norms in the theorem are bounded by their moduli.",
        an_activation_has_bounds_and_no_eigenvalues,
    ),
    Erratum(
        "[chu, Table 3; chu, sec. 5]",
        "An accuracy ten times below chance",
        "RNN on the first of N numbers from 0 to M − 1: accuracy 10.22, 10.56 and 0.936 % at N = 20, 50 and 100, loss "
        "2.33 each; accuracy “hovers around 10%, which is the expected accuracy if the answers were random”. M is not "
        "stated.",
        "M = 10 fits the accuracy of chance, and the loss, a little above ln 10. Then 9.36 % is likely meant. Task "
        "`recall` takes M = 10.",
        "Random answers are right in 1/M of all cases, and a uniform guess costs ln M. A network that is right in "
        "0.936 % of the cases would know which answers to avoid, and would not have the same loss as the others.",
        a_tenth_of_chance,
    ),
    Erratum(
        "[chu, sec. 4]",
        "The GRU as printed computes a reset gate and does not use it",
        "r_t = σ(W_r x_{t−1} + U_r e_t + b_r), then x̃_t = tanh(W_h x_{t−1} + U_h e_t + b_h); the labels stand one row "
        "too low.",
        "[cho2014] has r_t ∘ x_{t−1} inside W_h in one version, and r_t ∘ (W_h x_{t−1}) in another, which is "
        "PyTorch's. The paper's program builds on PyTorch, so the second is likely what was run.",
        "r_t appears in no later formula, so its gradient is exactly zero. The cell `gru` has all three readings.",
        a_reset_gate_that_resets_nothing,
    ),
    Erratum(
        "[chu, Table 4]",
        "A loss of 0.10 is too small for an accuracy of 56.73 %",
        "uRNN at N = 400 on the k-th largest number: test loss 0.10, test accuracy 56.73 %. The loss is a mean "
        "cross-entropy, and accuracy is judged by the argmax. Along the row, from N = 100 to 400, the loss falls "
        "while the accuracy falls.",
        "A mean cross-entropy of 0.10 implies an accuracy above 85 %; at 56.73 % it is at least 0.2999. So one of the "
        "two entries means something other than the caption says; another logarithm alone does not explain it.",
        "Where the argmax is wrong, another class has at least the true one's probability, which is then at most ½: "
        "such an example costs at least ln 2, and a right one costs at least 0.",
        accuracy_bounds_the_cross_entropy,
    ),
)
