"""Dorobantu, Stromhaug and Renteria: packed rotations, singular values, and |x| at zero."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense
from minirnn.parametrizations.givens import round_robin


def odd_numbers_need_one_round_more() -> Numbers:
    """n = 5."""
    def pairs(K):
        p, q = round_robin(5, K)
        return len(set(zip(p.ravel().tolist(), q.ravel().tolist(), strict=True)))

    return {"planes of 5 units": 10, "turned in n − 1 = 4 rounds": pairs(4), "turned in n = 5 rounds": pairs(5)}


def the_smallest_singular_value_may_be_zero() -> Numbers:
    """A of rank 2 with three columns, diag(2, 1) beside a column of zeros, and the unit vector x = (0, 0, 1)."""
    A, x = np.array([[2.0, 0, 0], [0, 1, 0]]), np.array([0.0, 0, 1])
    gains = np.sqrt(np.maximum(np.linalg.eigvalsh(A.T @ A), 0))     # as many as there are columns
    return {
        "smallest of the r nonzero singular values": np.min(np.linalg.svd(A)[1]),
        "smallest square root of an eigenvalue of AᵀA": gains[0],
        "‖A x‖": np.linalg.norm(A @ x),
    }


def the_derivative_of_abs_at_zero() -> Numbers:
    """|W h + x|, W orthogonal, n = 16, 10 steps: h_0 = 0, x_1 = 0, then random inputs."""
    rng = np.random.default_rng(0)
    W, X = orthogonal((16, 16), rng), rng.standard_normal((10, 1, 16))
    X[0] = 0
    layer = Recurrent(Elman(Abs()), Dense(np.identity(16)), None, W=Dense(W))
    J, h = np.identity(16), np.zeros(16)
    for x in X[:, 0]:
        z = W @ h + x
        J, h = np.diag(np.sign(z)) @ W @ J, np.abs(z)
    return {
        "‖∂h_10/∂h_0‖_F with +1 at zero": jacobian_norms(layer, X)[0, 0],
        "‖∂h_10/∂h_0‖_F with sign(0) = 0": np.linalg.norm(J),
        "√n": 4.0,
    }


ERRATA = (
    Erratum(
        "[dorobantu2016, sec. 4.2]",
        "An odd number of units needs one packed rotation more",
        "n/2 rotations can be done in parallel, so all n(n − 1)/2 planes need n − 1 sequential packed rotations.",
        "True for even n. For odd n a round has (n − 1)/2 planes, one unit sits out, and n rounds are needed.",
        "n − 1 rounds of (n − 1)/2 planes are (n − 1)²/2 < n(n − 1)/2. n rounds suffice: in round k the units k + i "
        "and k − i modulo n meet.",
        odd_numbers_need_one_round_more,
    ),
    Erratum(
        "[dorobantu2016, cor. 1]",
        "The lower bound needs the smallest singular value, zero included",
        "For a matrix A of rank r, with its minimum and maximum singular values, ‖A x‖ lies between them, times ‖x‖. "
        "(The formulas are missing from the copy at hand; this is the sense of the proof.)",
        "True if A has as many singular values as columns, the zeros among them counted. If the decomposition keeps "
        "the r nonzero ones, as the rank in the statement suggests, the lower bound holds only on the orthogonal "
        "complement of the null space. For the rotations of the paper, r = n and nothing changes.",
        "A x = 0 for an x in the null space, which is not {0} if r is less than the number of columns. The proof "
        "finds the smallest gain among the right singular vectors; the missing ones, of gain 0, span the null space.",
        the_smallest_singular_value_may_be_zero,
    ),
    Erratum(
        "[dorobantu2016, sec. 4.3; dorobantu2016, thm. 3]",
        "At zero, the derivative of |x| has to be chosen as ±1",
        "The derivative of the absolute value consists of 1 and −1, and so preserves the norm of the signal.",
        "At 0 there is no derivative. With the choice sign(0) = 0 that numerical libraries make, the norm is lost "
        "there; with +1 (or −1) the theorem holds everywhere. `abs` takes +1.",
        "A diagonal of ±1 is orthogonal, one with a zero is not. Zero is no rare value: z_1 is exactly 0 in a network "
        "whose first state, bias and first input are 0.",
        the_derivative_of_abs_at_zero,
    ),
)
