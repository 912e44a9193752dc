"""Chu: what the text leaves open, and what each reading would give."""

from __future__ import annotations

import numpy as np

from minirnn.errata.erratum import OPEN, Erratum, Numbers
from minirnn.initializers import henaff
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations import ExpMap, Plumbley
from minirnn.tasks.kth_largest import KthLargest


def bounds_by_truncation_and_width() -> Numbers:
    """Theorem 1's bounds on ‖∂x_T/∂x_1‖_F: T states have T − 1 factors; leaky ReLU of slope 0.5."""
    found: Numbers = {}
    for n in (100, 200):
        found[f"upper bound, and both for |x|, n = {n}"] = np.sqrt(n)
        for T in (30, 35, 50):
            found[f"log₁₀ of the lower bound, leaky ReLU, n = {n}, T = {T}"] = np.log10(0.5 ** (T - 1) * np.sqrt(n))
    return found


def _shares(n: int, m: int, T: int, B: int, gates: int, words: int = 0) -> tuple[float, float]:
    """Arithmetic of exp(B) and of P, relative to one batch without them: once per batch, and once per time step.

    An eigendecomposition of a complex Hermitian matrix takes about 25n³ real operations, the product that forms exp(B)
    8n³, and P 2n³. A matrix of r × c takes 6rc operations per step and example, forward and backward together.
    """
    batch = 6 * T * B * (gates * n * (n + m) + n * words)
    return 35 * n**3 / batch, 35 * n**3 * T / batch


def the_exponential_counted() -> Numbers:
    """Toy task, n = 50, embedding 30, N = 100, batch 100; and uGRU, n = 200, embedding 400, T = 35, batch 80."""
    toy, language = _shares(50, 30, 100, 100, 1), _shares(200, 400, 35, 80, 3, 10_000)
    return {
        "toy task, % of a batch, exp(B) once per batch": 100 * toy[0],
        "toy task, % of a batch, exp(B) at every time step": 100 * toy[1],
        "uGRU, % of a batch, exp(B) once per batch": 100 * language[0],
        "uGRU, % of a batch, exp(B) at every time step": 100 * language[1],
    }


def numbers_with_or_without_repetition() -> Numbers:
    """The best answer of a network that reads nothing, k = 10, as a share of right answers in %."""
    found: Numbers = {}
    for N in (100, 200, 400):
        found[f"drawn independently, N = {N}"] = 100 * KthLargest(N, 10).baseline()["accuracy"]
    rng = np.random.default_rng(0)
    answers = {int(np.sort(rng.permutation(100))[-10]) for _ in range(100)}
    return found | {"different answers in 100 permutations of 0 .. 99": float(len(answers))}


def where_b_starts() -> Numbers:
    """n = 50, a Gaussian gradient G; B = 0, rotations by random angles, and b_ij from N(0, 1/n)."""
    n = 50
    found: Numbers = {}
    for label, start in (
        ("B = 0", lambda rng: np.zeros((n, n))), ("rotations", lambda rng: henaff(n, rng)),
        ("b_ij from N(0, 1/n)", lambda rng: rng.standard_normal((n, n)) / np.sqrt(n)),
    ):
        rng = np.random.default_rng(0)
        A, G = start(rng), rng.standard_normal((n, n))
        exact, pseudo = ExpMap(A), Plumbley(A)
        W, cache = exact.matrix()
        g, P = exact.pullback(G, cache)["A"], pseudo.pullback(G, pseudo.matrix()[1])["A"]
        found[f"‖WᵀW − I‖_F, {label}"] = orthogonality_error(W)
        found[f"trace of W, {label}"] = np.trace(W)
        found[f"‖P − gradient‖ / ‖gradient‖, {label}"] = float(np.linalg.norm(P - g) / np.linalg.norm(g))
    return found


ERRATA = (
    Erratum(
        "[chu, Table 6; chu, Table 7; chu, Table 9; chu, sec. 7]",
        "How far did gradients reach, and how wide was the network?",
        "Table 9 says BPTT 50 and 200 hidden units; the caption of Table 6 says 30 for all experiments, and 100 units "
        "with |x|; the text on the uGRU says 30 where Table 7 says 35.",
        "Each preset takes its own table: 50 for Table 5, 30 for Table 6, 35 and 150 for Table 7; 100 units with |x|, "
        "else 200.",
        "With |x| the bounds depend on the width alone. With leaky ReLU the lower bound loses a factor of 2 per step, "
        "so that the readings differ by 2²⁰; it is virtually zero in all of them, and the conclusion stands.",
        bounds_by_truncation_and_width,
        OPEN,
    ),
    Erratum(
        "[chu, sec. 4; chu, sec. 5; chu, sec. 7]",
        "How expensive is the exponential?",
        "On the toy tasks a batch takes “around 2-3 times longer (where the exponential operations were ran on CPU)”; "
        "the uGRU is “only 2ms (1-10% depending on batch size) slower”. The gradient of B is updated “at each time "
        "step”.",
        "W = exp(B) and its pullback are computed once per sequence.",
        "The settings differ, so the statements need not contradict each other. Counted in operations, once per batch "
        "costs little in both settings; once per time step comes near the first figure, and exceeds the second. "
        "An eigensolver does fewer operations per second than a product, so a count alone decides nothing.",
        the_exponential_counted,
        OPEN,
    ),
    Erratum(
        "[chu, sec. 5]",
        "May the N numbers from 0 to N − 1 repeat?",
        "“Given a sequence of N numbers from 0 to N-1 inclusive, the task is to find the k-th largest number of the "
        "sequence.” k is named by two figures only, 10 for N = 100.",
        "They are drawn independently, and k = 10 (task `kth-largest`).",
        "Without repetition the sequence is a permutation, and the answer is always N − k: nothing is left to learn. "
        "With repetition a constant answer is right in 13 % of all cases, not in 1/N: that is the accuracy to compare "
        "with, and the RNN's 15.23 % at N = 400 is close to it.",
        numbers_with_or_without_repetition,
        OPEN,
    ),
    Erratum(
        "[chu, sec. 4]",
        "Where does B start?",
        "The initial B is not stated; nor are those of the other weights.",
        "B = 0, that is W = I. Of the starts tried, it is the one that learns the paper's experiment I.",
        "W is orthogonal from any B. At B = 0, Plumbley's direction P is the exact gradient of B; from a random B it "
        "is far from it at the first step already.",
        where_b_starts,
        OPEN,
    ),
)
