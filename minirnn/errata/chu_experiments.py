"""Chu: the gated unit, and the tables."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from minirnn.cells import GRU
from minirnn.errata.erratum import Erratum, Numbers


def a_reset_gate_that_resets_nothing() -> Numbers:
    """n = 5, one step, random weights, states and gradient; the last two blocks of W are u and r."""
    found = {}
    for reset in ("none", "before", "after"):
        rng = np.random.default_rng(0)
        cell = GRU(reset, rng.standard_normal(5) if reset == "after" else None)
        w = SimpleNamespace(W=rng.standard_normal((10, 5)), W_h=rng.standard_normal((5, 5)))
        cell.prepare(w)
        h = (rng.standard_normal((3, 5)),)
        state, cache = cell.step(rng.standard_normal((3, 15)), h, w)
        dz, _ = cell.step_backward((rng.standard_normal((3, 5)),), h, state, cache, w)
        label = "as printed" if reset == "none" else f"reset {reset} W_h"
        found[f"largest |gradient| of the reset gate, {label}"] = np.max(np.abs(dz[:, 5:10]))
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


ERRATA = (
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
        "cross-entropy, and accuracy is judged by the argmax.",
        "A mean cross-entropy of 0.10 implies an accuracy above 85 %; at 56.73 % it is at least 0.2999. So one of the "
        "two entries means something other than the caption says; another logarithm alone does not explain it.",
        "Where the argmax is wrong, another class has at least the true one's probability, which is then at most ½: "
        "such an example costs at least ln 2, and a right one costs at least 0.",
        accuracy_bounds_the_cross_entropy,
    ),
)
