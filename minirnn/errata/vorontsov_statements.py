"""Vorontsov, Trabelsi, Kadoury and Pal: the chain of Jacobians, and statements on gains and priors."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.linalg import polar
from minirnn.parametrizations import Dense, SVDMargin
from minirnn.regularizers import SpectralPrior


def the_order_of_d_and_w() -> Numbers:
    """a_2 = W tanh(a_1), n = 8: its Jacobian by complex steps, against three products."""
    rng = np.random.default_rng(0)
    W, a, h = rng.standard_normal((8, 8)) / np.sqrt(8), rng.standard_normal(8), 1e-20
    J = np.stack([W @ np.tanh(a + 1j * e).imag / h for e in h * np.identity(8)], axis=1)
    D = np.diag(1 - np.tanh(a) ** 2)

    def off(product, wanted):
        return float(np.linalg.norm(product - wanted) / np.linalg.norm(wanted))

    return {
        "relative error of D W, as printed, for the Jacobian": off(D @ W, J),
        "relative error of D W, as printed, for its transpose": off(D @ W, J.T),
        "relative error of W D for the Jacobian": off(W @ D, J),
        "relative error of D Wᵀ for its transpose": off(D @ W.T, J.T),
    }


def a_wide_prior_is_a_weak_one() -> Numbers:
    """W = 1.1 Q with Q orthogonal, n = 8: the pull ‖∂/∂W of Σ (s_i − 1)²/2γ²‖_F for three variances γ²."""
    W = 1.1 * orthogonal((8, 8), np.random.default_rng(0))
    found: Numbers = {}
    for variance in (0.01, 0.1, 1.0):
        prior = SpectralPrior(1 / (2 * variance))
        found[f"pull toward s = 1, γ² = {variance:g}"] = float(np.linalg.norm(prior.backward(prior.forward(W)[1])))
    return found


def gains_of_at_most_one() -> Numbers:
    """h_t = |W h_{t−1} + x_t|, n = 8, 1,000 steps, W a multiple of an orthogonal matrix: ‖J‖₂ is the product of η_t."""
    rng = np.random.default_rng(0)
    Q, X = orthogonal((8, 8), rng), rng.standard_normal((1000, 1, 8))
    found: Numbers = {}
    for eta in (1.0, 0.99):
        layer = Recurrent(Elman(Abs()), Dense(np.identity(8)), None, W=Dense(eta * Q))
        found[f"‖∂h_1000/∂h_0‖_F / ‖I‖_F, η = {eta:g}"] = jacobian_norms(layer, X)[0, 0] / np.sqrt(8)
    t = np.arange(1, 1001)
    return found | {"the same product for η_t = 1 − 1/(t + 1)² < 1": float(np.prod(1 - 1 / (t + 1) ** 2))}


def a_singular_value_of_zero() -> Numbers:
    """The projection I − v vᵀ for a unit v, n = 4, and W = U diag(s) Vᵀ nearest to it with m = 1 and |p| ≤ 10."""
    v = np.full(4, 0.5)
    M = np.identity(4) - np.outer(v, v)
    U, s, Vh = np.linalg.svd(M)
    W = SVDMargin(U, Vh.T, 1.0, np.where(s > 0.5, 0.0, -10.0))
    return {
        "smallest singular value of the projection": s[-1],
        "smallest singular value of W": W.spectrum()[-1],
        "‖W − (I − v vᵀ)‖_F": np.linalg.norm(W.matrix()[0] - M),
        "distance from the projection to the orthogonal matrices": np.linalg.norm(M - polar(M)),
    }


ERRATA = (
    Erratum(
        "[vorontsov2017, eq. 3; vorontsov2017, eq. 4]",
        "D and W stand in the wrong order",
        "∂a_{i+1}/∂a_i = D_i W_{i+1}, and the gradient of θ_i is a product of these.",
        "∂a_{i+1}/∂a_i = W_{i+1} D_i, or transposed, as a gradient of a loss needs it, D_i W_{i+1}ᵀ. The printed form "
        "is neither. Equation 5 bounds norms, for which order and transposition do not matter.",
        "a_{i+1} = W_{i+1} h_i + b and dh_i = D_i da_i, so da_{i+1} = W_{i+1} D_i da_i. For a square W the printed "
        "product exists, and is wrong without a word.",
        the_order_of_d_and_w,
    ),
    Erratum(
        "[vorontsov2017, sec. 2]",
        "The strength of a Gaussian prior is the inverse of its variance",
        "A mean one Gaussian prior on the singular values encourages W to be norm preserving “with a controllable "
        "strength equivalent to the variance of the Gaussian”.",
        "The strength of the penalty is λ = 1/(2γ²) for the variance γ²: the wider the Gaussian, the weaker the pull.",
        "−log of exp(−(s − 1)²/2γ²) is (s − 1)²/2γ², with the derivative (s − 1)/γ².",
        a_wide_prior_is_a_weak_one,
    ),
    Erratum(
        "[vorontsov2017, sec. 1.1]",
        "A gain of at most 1 is not sufficient for a vanishing gradient",
        "“It is sufficient for RNNs to have η_t ≤ 1 at each time t to enable the possibility of vanishing gradients.” "
        "η_t is the product of the largest singular values of D_t and W.",
        "η_t ≤ c < 1 for all t is sufficient. With η_t = 1, an orthogonal W with |x| or OPLU excludes vanishing "
        "altogether; η_t < 1 without such a c is not sufficient either. If the sentence only means that vanishing is "
        "not ruled out, it holds, but then of every η_t, which is a bound from above.",
        "‖J‖₂ ≤ ∏ η_t ≤ c^T. An orthogonal matrix times a diagonal of ±1 is orthogonal, so ‖J‖₂ = 1 = ∏ η_t for all T. "
        "And ∏ (1 − 1/(t + 1)²) = (T + 2)/(2T + 2) stays above ½.",
        gains_of_at_most_one,
    ),
    Erratum(
        "[vorontsov2017, sec. 2]",
        "Singular values are not positive by definition",
        "“… a diagonal spectral matrix S containing the singular values which are real and positive by definition.”",
        "They are real and not negative; zero is one of them exactly if W is singular. The sigmoid of equation 10 with "
        "m ≤ 1 excludes zero: it covers invertible matrices only, and comes arbitrarily near to the others if m = 1.",
        "They are square roots of eigenvalues of WᵀW, which is positive semidefinite. 1 + 2m (σ(p) − ½) > 1 − m ≥ 0.",
        a_singular_value_of_zero,
    ),
)
