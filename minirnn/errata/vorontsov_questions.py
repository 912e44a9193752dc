"""Vorontsov, Trabelsi, Kadoury and Pal: what the text leaves open."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Gain, Tanh
from minirnn.cells import Elman
from minirnn.errata.erratum import OPEN, Erratum, Numbers
from minirnn.initializers import glorot, identity, orthogonal
from minirnn.layers import Recurrent
from minirnn.linalg import polar
from minirnn.parametrizations import Dense
from minirnn.regularizers import SoftOrthogonality
from minirnn.tasks.copy import Copy


def two_norms_of_one_penalty() -> Numbers:
    """W = U diag(1.3, 1.2, 0.9, 0.8) Vᵀ with random orthogonal U and V, λ = 1; s after a step of 0.01."""
    rng, s = np.random.default_rng(0), np.array([1.3, 1.2, 0.9, 0.8])
    U, V = orthogonal((4, 4), rng), orthogonal((4, 4), rng)
    W, penalty = U * s @ V.T, SoftOrthogonality(1.0)
    value, cache = penalty.forward(W)
    frobenius = penalty.backward(cache)
    E = s * s - 1                                                   # the eigenvalues of WᵀW − I; E_1 is the largest
    spectral = 4 * E[0] * s[0] * np.outer(U[:, 0], V[:, 0])
    found: Numbers = {"value, Frobenius": value, "value, spectral": E[0] ** 2}
    for label, G in (("Frobenius", frobenius), ("spectral", spectral)):
        moved = np.linalg.svd(W - 0.01 * G)[1]
        found[f"rank of the gradient, {label}"] = float(np.linalg.matrix_rank(G))
        found |= {f"s_{i + 1} after the step, {label}": moved[i] for i in (0, 3)}
    return found


def a_gain_on_all_or_on_the_recurrent_part() -> Numbers:
    """tanh(g (W h + U x + b)) and tanh(g W h + U x + b), g = 1.05, n = 8, 20 steps, random weights, L = Σ h_20."""
    rng = np.random.default_rng(0)
    W, U, b = orthogonal((8, 8), rng), rng.standard_normal((8, 3)), rng.standard_normal(8)
    X, one = rng.standard_normal((20, 1, 3)), np.ones((1, 1, 8))

    def run(f, U, b, W):
        layer = Recurrent(Elman(f), Dense(U), b, W=Dense(W))
        _, (h,), tape = layer.forward(X)
        return h, layer.backward(one, tape)[1]["U"]

    def length(x) -> float:
        return float(np.linalg.norm(x))

    h_part, dU_part = run(Tanh(), U, b, 1.05 * W)
    h_all, _ = run(Gain(), U, b, W)
    h_scaled, dU_scaled = run(Gain(), U / 1.05, b / 1.05, W)
    return {
        "‖difference of h_20‖, same U and b": length(h_all - h_part),
        "‖difference of h_20‖, U and b divided by g where g is on all": length(h_scaled - h_part),
        "‖∂L/∂U‖_F, g on all, over ‖∂L/∂U‖_F, g on W h": length(dU_scaled) / length(dU_part),
    }


def symbols_as_numbers_or_as_vectors() -> Numbers:
    """Distances between the inputs of two different symbols, delimiter included; from a batch of 50 of the task."""
    batch = Copy(5, "vorontsov").batch("train", 50, 0, 0)
    numbers = np.unique(batch.x)
    numbers = numbers[numbers != 0]                                 # without the blank
    apart = np.abs(numbers[:, None] - numbers)[np.triu_indices(len(numbers), 1)]
    return {
        "symbols and delimiter": float(len(numbers)),
        "smallest distance, one number": apart.min(),
        "largest distance, one number": apart.max(),
        "every distance, indicator vectors": np.sqrt(2),
    }


def where_a_factorised_network_starts() -> Numbers:
    """n = 128: W as drawn, and U Vᵀ of its decomposition, which is W with s set to 1."""
    W, n = glorot((128, 128), np.random.default_rng(0)), 128
    s = np.linalg.svd(W)[1]
    return {
        "largest s, Glorot": s[0],
        "smallest s, Glorot": s[-1],
        "‖W − U Vᵀ‖_F / ‖W‖_F, Glorot": np.linalg.norm(W - polar(W)) / np.linalg.norm(W),
        "‖W − U Vᵀ‖_F / ‖W‖_F, identity": np.linalg.norm(identity(n) - polar(identity(n))) / np.sqrt(n),
    }


ERRATA = (
    Erratum(
        "[vorontsov2017, eq. 7; vorontsov2017, sec. 3.2]",
        "Which norm penalises WᵀW − I?",
        "λ Σ ‖WᵀW − I‖² in equation 7, without a name of the norm; λ ‖WᵀW − I‖₂² in section 3.2, where equation 6 "
        "has just defined ‖·‖₂ as the spectral norm.",
        "Frobenius' norm, as in the authors' released program (`soft-orthogonality`).",
        "Frobenius' norm pulls every singular value toward 1, with 4 s (s² − 1). The spectral norm pulls the one "
        "with the largest |s² − 1|, and leaves the others alone: its gradient has rank 1.",
        two_norms_of_one_penalty,
        OPEN,
    ),
    Erratum(
        "[vorontsov2017, sec. 3.1.3]",
        "On what does the gain of 1.05 act?",
        "“… applying a 1.05 pre-activation gain appears to allow a model with a margin of 0 to nearly match the top "
        "performance.”",
        "On the whole pre-activation W h + U x + b (`gain`). A gain on W h alone is W ← 1.05 W.",
        "Both reach the same networks: dividing U and b by the gain turns one into the other. They differ in where U "
        "and b start, and in the scale of their gradients, by the factor 1.05.",
        a_gain_on_all_or_on_the_recurrent_part,
        OPEN,
    ),
    Erratum(
        "[vorontsov2017, sec. 3; vorontsov2017, released program]",
        "What does the copying network see?",
        "“10 elements to copy, each containing a symbol a_i ∈ {a_1, ..., a_p} out of p = 8.” The released program "
        "gives one real number per step: 1 to 8, 0 for a blank, −1 for the delimiter.",
        "Both are there: task `copy` has indicator vectors, its variant vorontsov the number.",
        "As vectors, all symbols are equally far apart. As numbers on one line they are not, and a linear network "
        "sees the symbol 8 as eight times the symbol 1: it has to be read off an amplitude.",
        symbols_as_numbers_or_as_vectors,
        OPEN,
    ),
    Erratum(
        "[vorontsov2017, Table 1; vorontsov2017, Table 2; vorontsov2017, released program]",
        "Where does a factorised network with another initialization start?",
        "Rows “none, Glorot normal” and “none, identity” for the factorised network. In the released program, a "
        "factorised W starts at s = 1 whatever was asked for.",
        "The presets for these rows train a free W that starts as asked.",
        "With s set to 1, Glorot's W becomes the orthogonal U Vᵀ of its decomposition, and the row would differ from "
        "“none, orthogonal” by nothing but the draw; the printed accuracies, 66.71 against 93.24 %, speak against it. "
        "The identity is orthogonal already.",
        where_a_factorised_network_starts,
        OPEN,
    ),
)
