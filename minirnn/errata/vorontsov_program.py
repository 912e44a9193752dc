"""Vorontsov, Trabelsi, Kadoury and Pal: where the released program and the paper differ.

The program's notes warn that preparing it for release may have introduced errors: the paper's own runs may differ.
"""

from __future__ import annotations

import numpy as np

from minirnn.activations import OPLU, Identity
from minirnn.cells import Elman
from minirnn.errata.erratum import OPEN, Erratum, Numbers
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.linalg import cayley
from minirnn.parametrizations import Dense
from minirnn.tasks.adding import Adding


def sums_and_halves() -> Numbers:
    """10,000 sequences of length 20: errors of constant answers; then batches of 50, errors over all 50 × 50 pairs."""
    y = Adding(20).batch("train", 10_000, 0, 0).y.ravel().astype(np.float64)
    of_the_right, of_the_mean = [], []
    for part in y.reshape(200, 50):
        of_the_right.append(np.mean((part[:, None] - part) ** 2))   # a column of answers minus a row of targets
        of_the_mean.append(np.mean((part.mean() - part) ** 2))
    return {
        "squared error of the best constant, target v₁ + v₂": np.var(y),
        "squared error of the best constant, target (v₁ + v₂)/2": np.var(y / 2),
        "error of right answers, over all pairs": np.mean(of_the_right),
        "error of the batch's mean for every answer, over all pairs": np.mean(of_the_mean),
    }


def _moved(M: np.ndarray, G: np.ndarray, right: bool, lr: float) -> np.ndarray:
    """One step of the generator A = Gᵀ M − Mᵀ G of rows, on its own side (M Cᵀ) or on the other (C M)."""
    C = cayley(lr / 2 * (G.T @ M - M.T @ G))
    return M @ C.T if right else C @ M


def a_cayley_step_on_the_other_side() -> Numbers:
    """1,000 random orthogonal M and Gaussian G, n = 8; then L = ⟨G, M⟩ for one G, 100 steps of 0.01 from M = I."""
    rng, descents, draws = np.random.default_rng(0), {True: 0, False: 0}, 1000
    for _ in range(draws):
        M, G = orthogonal((8, 8), rng), rng.standard_normal((8, 8))
        for right in descents:
            descents[right] += np.sum(G * (_moved(M, G, right, 1e-6) - M)) < 0
    G = rng.standard_normal((8, 8))
    found = {
        "steps that descend, on its own side, in %": 100 * descents[True] / draws,
        "steps that descend, on the other side, in %": 100 * descents[False] / draws,
    }
    for label, right, kept in (
        ("on its own side", True, False), ("on the other side", False, False), ("always from the first M", True, True),
    ):
        start = M = np.identity(8)
        for _ in range(100):
            M = _moved(start if kept else M, G, right, 0.01)
        found[f"change of the loss in 100 steps, {label}"] = np.sum(G * (M - start))
    return found


def sorting_in_pairs_is_not_the_identity() -> Numbers:
    """W orthogonal, n = 8, 50 steps, inputs X and Y: how far the last state is from depending on them linearly."""
    rng = np.random.default_rng(0)
    W, U = orthogonal((8, 8), rng), rng.standard_normal((8, 2))
    X, Y = rng.standard_normal((2, 50, 1, 2))
    found: Numbers = {}
    for label, f in (("identity", Identity()), ("OPLU", OPLU())):
        layer = Recurrent(Elman(f), Dense(U), None, W=Dense(W))
        both, x, y = (layer.forward(Z)[0][-1] for Z in (X + Y, X, Y))
        off = float(np.linalg.norm(both - x - y) / np.linalg.norm(both))
        found[f"‖h(X + Y) − h(X) − h(Y)‖ / ‖h(X + Y)‖, {label}"] = off
    return found


ERRATA = (
    Erratum(
        "[vorontsov2017, Figure 5; vorontsov2017, released program]",
        "Is the target of the adding task the sum, or half of it?",
        "The network “must learn to ... output their sum”, and a constant answer has the error 0.167. The released "
        "program asks for (v₁ + v₂)/2, and subtracts a row of targets from a column of answers.",
        "The sum (task `adding`), and each answer is compared with its own target.",
        "Of half the sum, a constant answer has the error 1/24 = 0.0417, so that the figure shows the sum. A column "
        "minus a row compares every answer with every target; the best answer is then the batch's mean, and right "
        "answers cost twice as much.",
        sums_and_halves,
        OPEN,
    ),
    Erratum(
        "[vorontsov2017, eq. 9; vorontsov2017, released program]",
        "On which side does the Cayley step stand?",
        "Equation 9 has A = G Mᵀ − M Gᵀ. The released program, whose vectors are rows, has A = Gᵀ M − Mᵀ G and "
        "multiplies M by its Cayley transform C from the left; M is read once, when the program is built.",
        "C M with the paper's A (rule `geodesic`), which is the same as M Cᵀ with the program's, at every step from "
        "the present M.",
        "dL/dη = ⟨Mᵀ G, A⟩ = −½ ‖A‖² for the program's A on the right of M. On the left it has no definite sign, and "
        "is +½ ‖A‖² at M = I. Steps that start from the first M every time do not add up: U and V stay within one "
        "step of their start. The paper's runs may have used another version.",
        a_cayley_step_on_the_other_side,
        OPEN,
    ),
    Erratum(
        "[vorontsov2017, sec. 5.2; vorontsov2017, released program]",
        "Was OPLU the identity?",
        "On the copy task OPLU allows “to recover identical results ... to those without a nonlinearity”. In the "
        "released program it returns its argument unchanged.",
        "OPLU sorts each pair, as [chernodub2016] defines it (`oplu`).",
        "If the paper's runs used that function, identical results are what they must give; whether they did is not "
        "known. A sorting network is far from linear, and keeps norms like the linear one.",
        sorting_in_pairs_is_not_the_identity,
        OPEN,
    ),
)
