"""Vorontsov, Trabelsi, Kadoury and Pal: steps along the manifold, and margins."""

from __future__ import annotations

import numpy as np

from minirnn.errata.erratum import Erratum, Numbers
from minirnn.initializers import orthogonal
from minirnn.linalg import cayley, generator, orthogonality_error, sigmoid
from minirnn.optimizers.geodesic import Geodesic
from minirnn.parametrizations import SVDMargin


def a_sum_where_a_product_keeps_the_manifold() -> Numbers:
    """A random orthogonal M, n = 8, a Gaussian G, η = 0.01."""
    rng = np.random.default_rng(0)
    M, G = orthogonal((8, 8), rng), rng.standard_normal((8, 8))
    printed = M + cayley(0.005 * generator(G, M))
    return {
        "‖MᵀM − I‖_F after the sum, as printed": orthogonality_error(printed),
        "‖MᵀM − I‖_F after the product": orthogonality_error(Geodesic.full_step(M, G, 0.01)),
        "distance from M to M_new at η = 0, as printed": np.linalg.norm(cayley(0 * generator(G, M))),
    }


def a_margin_above_one() -> Numbers:
    """W = I diag(s) Iᵀ, m = 10, p = (−1, 0)."""
    W = SVDMargin(np.eye(2), np.eye(2), 10.0, np.array([-1.0, 0.0]), allow_negative=True)
    p = np.log(0.45 / 0.55)
    singular = SVDMargin(np.eye(2), np.eye(2), 10.0, np.array([p, 0.0]), allow_negative=True)
    return {
        "s at p = −1": W.spectrum()[0],
        "the singular value there": np.linalg.svd(W.matrix()[0])[1][0],
        "s at p = ln(9/11) = −0.2007": singular.spectrum()[0],
    }


def a_spectrum_that_still_feels_its_margin() -> Numbers:
    """One step of gradient descent from p = 1, dL/ds = 1, base rate 1e-5, for m = 0.01 and m = 1."""
    def moved(m: float, scale: float) -> float:
        def s(p):
            return 1 + 2 * m * (sigmoid(np.array([p])) - 0.5)[0]

        sigma = sigmoid(np.array([1.0]))[0]
        return abs(s(1.0 - 1e-5 * scale * 2 * m * sigma * (1 - sigma)) - s(1.0))

    return {
        f"step of s at m = 1 over that at m = 0.01, {label}": moved(1, scale(1)) / moved(0.01, scale(0.01))
        for label, scale in (
            ("rate as it is", lambda m: 1.0),
            ("rate / 2m", lambda m: 1 / (2 * m)),
            ("rate / (2m)²", lambda m: 1 / (2 * m) ** 2),
        )
    }


ERRATA = (
    Erratum(
        "[vorontsov2017, eq. 9]",
        "The Cayley step is a product, printed as a sum",
        "M_new = M + (I + η/2 A)⁻¹ (I − η/2 A).",
        "M_new = (I + η/2 A)⁻¹ (I − η/2 A) M, as in [tagare2011], which the paper follows.",
        "The Cayley transform of a skew A is orthogonal, and so is its product with M. The sum of two orthogonal "
        "matrices is not; at η = 0 it is M + I instead of M.",
        a_sum_where_a_product_keeps_the_manifold,
    ),
    Erratum(
        "[vorontsov2017, eq. 10; vorontsov2017, sec. 3]",
        "Margins above 1 leave the formula's range",
        "s_i = 2m (σ(p_i) − 0.5) + 1 with m ∈ [0, 1] are singular values; the experiments also use m = 10 and 100.",
        "For m > 1, s_i lies in (1 − m, 1 + m), which contains 0 and negative numbers. Singular values are |s_i|, and "
        "W is singular where s_i crosses zero: the margin then bounds the gain from above only.",
        "s = 0 at σ(p) = ½ − 1/(2m), which is positive exactly for m > 1. `svd-margin` asks for allow_negative=True.",
        a_margin_above_one,
    ),
    Erratum(
        "[vorontsov2017, eq. 11]",
        "Dividing the rate by 2m does not free plain gradient descent of the margin",
        "“… we adjust the learning rate along the spectrum to be independent of the margin by renormalizing it by 2m.”",
        "That makes the step of p independent of m; the step of s, the spectrum itself, is then still proportional to "
        "m. Under plain gradient descent (2m)² is needed; under RMSprop, which the experiments use, the step of p "
        "does not depend on the gradient's scale to begin with.",
        "dp = −η 2m σ'(p) dL/ds, and ds = 2m σ'(p) dp = −η (2m)² σ'(p)² dL/ds: the margin enters twice.",
        a_spectrum_that_still_feels_its_margin,
    ),
)
