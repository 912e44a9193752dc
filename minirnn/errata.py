"""Statements of the papers that do not hold as printed: what holds instead, why, and numbers that anyone can rerun.

Every system named here is implemented in this library, because its idea is worth having. Collected below are the places
where following the page to the letter would lead to another program, or to a conclusion that does not hold.
`python -m minirnn.errata` prints docs/errata.md.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import GRU, Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.diagnostics.capacity import capacity
from minirnn.diagnostics.non_normality import power_norms
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.linalg import cayley, generator, orthogonality_error, sigmoid, skew
from minirnn.optimizers.geodesic import Geodesic
from minirnn.parametrizations import Dense, ExpMap, Plumbley, SpectralNorm, SpectralRadius, SVDMargin, UnitaryProduct
from minirnn.parametrizations.givens import round_robin

Numbers = dict[str, float]


class Erratum(NamedTuple):
    """One statement: where it stands, what it says, what is true, why, and the example that returns the numbers."""

    source: str
    title: str
    printed: str
    true: str
    proof: str
    example: Callable[[], Numbers]


# -- the examples: what each returns is printed on the page ----------------------------------------------------------


def eigenvalues_do_not_bound_a_product() -> Numbers:
    """One linear step, J = W, γ = 1."""
    W = np.array([[0.5, 10], [0, 0.4]])
    largest = np.max(np.abs(np.linalg.eigvals(W)))
    return {
        "bound of the theorem, λ_max γ ‖I‖_F": largest * np.sqrt(2),
        "‖J‖_F": np.linalg.norm(W),
        "bound with σ_max in place of λ_max": np.linalg.norm(W, 2) * np.sqrt(2),
    }


def small_eigenvalues_and_an_exploding_gradient() -> Numbers:
    """h_t = |W h_{t-1} + x|, at its fixed point (1, 1), for 100 steps."""
    W = 0.6 * np.array([[1, -1], [1, -1 + 1e-6]])
    x = np.array([1, -1 - 6e-7])
    layer = Recurrent(Elman(Abs()), Dense(np.identity(2)), None, h0=(np.ones(2),), W=Dense(W))
    return {
        "largest |λ| of W": np.max(np.abs(np.linalg.eigvals(W))),
        "σ_max of W": np.linalg.norm(W, 2),
        "‖∂h_100/∂h_0‖_F": jacobian_norms(layer, np.tile(x, (100, 1, 1)))[0, 0],
        "1.2^100": 1.2**100,
    }


def the_lower_bound_is_no_bound_for_a_vector() -> Numbers:
    """One linear step back, with the unit gradient that loses most."""
    W = np.array([[1, 5], [0, 1.01]])
    g = np.linalg.svd(W.T)[2][-1]
    smallest = np.min(np.abs(np.linalg.eigvals(W)))
    return {
        "λ_min": smallest,
        "lower bound of the theorem on ‖W‖_F": smallest * np.sqrt(2),
        "lower bound by the determinant": np.sqrt(2 * abs(np.linalg.det(W))),
        "‖W‖_F": np.linalg.norm(W),
        "|Wᵀ g| for a unit g": np.linalg.norm(W.T @ g),
        "σ_min": np.linalg.svd(W)[1][-1],
    }


def _loss_after(A: np.ndarray, dA: np.ndarray, G: np.ndarray) -> float:
    """L(exp(A + dA)) − L(exp(A)) for the linear loss L(W) = ⟨G, W⟩, whose gradient is G everywhere."""
    return float(np.sum(G * (ExpMap(A + dA).matrix()[0] - ExpMap(A).matrix()[0])))


def the_plus_sign_ascends() -> Numbers:
    """L = ⟨G, W⟩, W = exp(B), ‖B‖₂ = 1, η = 0.001."""
    rng = np.random.default_rng(0)
    A = _skew_of_norm(8, 1.0, rng)
    G = rng.standard_normal((8, 8))
    P, _ = _directions(A, G)
    return {
        "change of the loss with B + ηP, as printed": _loss_after(A, 1e-3 * P, G),
        "change of the loss with B − ηP": _loss_after(A, -1e-3 * P, G),
    }


def _skew_of_norm(n: int, norm: float, rng: np.random.Generator) -> np.ndarray:
    """The upper triangle of a random skew B with ‖B‖₂ = norm."""
    A = np.triu(rng.standard_normal((n, n)), 1)
    return norm * A / np.linalg.norm(skew(A), 2)


def _directions(A: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, the exact gradient), both in the coordinates b_ij, i < j."""
    pseudo, exact = Plumbley(A), ExpMap(A)
    return pseudo.pullback(G, pseudo.matrix()[1])["A"], exact.pullback(G, exact.matrix()[1])["A"]


def plumbleys_direction_is_not_the_gradient_of_b() -> Numbers:
    """n = 8, mean of 20 random pairs (B, G) for each ‖B‖₂."""
    found = {}
    for norm in (0.01, 1.0, 3.0):
        rng, errors = np.random.default_rng(0), []
        for _ in range(20):
            P, exact = _directions(_skew_of_norm(8, norm, rng), rng.standard_normal((8, 8)))
            errors.append(np.linalg.norm(P - exact) / np.linalg.norm(exact))
        found[f"relative error of P at ‖B‖₂ = {norm:g}"] = np.mean(errors)
    B = skew(np.array([[0, 1.0], [0, 0]]))
    P, exact = _directions(B, np.array([[1.0, 2], [3, 4]]))
    found["n = 2, where [B, P] = 0: ‖P − gradient‖"] = np.linalg.norm(P - exact)
    return found


def _ascending() -> tuple[np.ndarray, np.ndarray]:
    """(A, G): B = diag(2.2 J, 2.2 J), and G = K W with K = [[0, X], [−X, 0]], X = diag(1, −1)."""
    A = np.zeros((4, 4))
    A[0, 1] = A[2, 3] = 2.2
    X, O = np.diag([1.0, -1.0]), np.zeros((2, 2))
    return A, np.block([[O, X], [-X, O]]) @ ExpMap(A).matrix()[0]


def plumbleys_direction_can_ascend() -> Numbers:
    """L = ⟨G, W⟩ at B = diag(2.2 J, 2.2 J), J = [[0, 1], [−1, 0]], η = 0.001."""
    A, G = _ascending()
    P, exact = _directions(A, G)
    W = ExpMap(A).matrix()[0]
    moved = ExpMap(-1e-3 * generator(G, W)).matrix()[0] @ W
    return {
        "‖B‖₂": np.linalg.norm(skew(A), 2),
        "cosine of P and the gradient": np.sum(P * exact) / np.linalg.norm(P) / np.linalg.norm(exact),
        "change of the loss with B − ηP": _loss_after(A, -1e-3 * P, G),
        "change of the loss with exp(−ηP) W": np.sum(G * (moved - W)),
        "change of the loss with B − η gradient": _loss_after(A, -1e-3 * exact, G),
    }


def exponentials_are_rotations() -> Numbers:
    """The reflection R = diag(−1, 1, 1), and 1,000 skew B with entries from N(0, 16)."""
    rng, R = np.random.default_rng(0), np.diag([-1.0, 1, 1])
    found = [ExpMap(4 * rng.standard_normal((3, 3))).matrix()[0] for _ in range(1000)]
    return {
        "smallest det exp(B)": min(np.linalg.det(W) for W in found),
        "det R": np.linalg.det(R),
        "smallest ‖exp(B) − R‖_F": min(np.linalg.norm(W - R) for W in found),
        "‖exp(0) − R‖_F": np.linalg.norm(np.identity(3) - R),
    }


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


def a_bound_without_its_identity() -> Numbers:
    """Leaky ReLU of slope 0.5, n = 200, 30 factors; and 29, since 30 states have 29 steps between them."""
    return {
        "printed": 0.5**30,
        "0.5^30 ‖I‖_F": 0.5**30 * np.sqrt(200),
        "0.5^29 ‖I‖_F": 0.5**29 * np.sqrt(200),
    }


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


def odd_numbers_need_one_round_more() -> Numbers:
    """n = 5."""
    def pairs(K):
        p, q = round_robin(5, K)
        return len(set(zip(p.ravel().tolist(), q.ravel().tolist(), strict=True)))

    return {"planes of 5 units": 10, "turned in n − 1 = 4 rounds": pairs(4), "turned in n = 5 rounds": pairs(5)}


def seven_factors_are_restricted_from_six_on() -> Numbers:
    """Random points, n = 5 to 8: the rank against n², the dimension of U(n)."""
    rng = np.random.default_rng(0)
    return {f"n = {n}, dimension {n * n}: rank": capacity(UnitaryProduct.random(n, rng))["rank"] for n in (5, 6, 7, 8)}


def a_spectral_radius_of_one_bounds_no_step() -> Numbers:
    """M = [[1, 20], [0, 0.9]], divided by its spectral radius or by its spectral norm."""
    M = np.array([[1, 20], [0, 0.9]])
    by_radius, by_norm = SpectralRadius(M).matrix()[0], SpectralNorm(M).matrix()[0]
    powers = [max(power_norms(W, 100)[1:]) for W in (by_radius, by_norm)]
    return {
        "principal eigenvalue of M": np.max(np.abs(np.linalg.eigvals(M))),
        "spectral norm of M": np.linalg.norm(M, 2),
        "largest ‖W^k‖₂, k = 1 .. 100, W = M/ρ": powers[0],
        "largest ‖W^k‖₂, k = 1 .. 100, W = M/σ": powers[1],
    }


# -- the list --------------------------------------------------------------------------------------------------------

ERRATA = (
    Erratum(
        "[chu, thm. 1]",
        "The upper bound needs a normal matrix, not a diagonalizable one",
        "If W is diagonalizable with eigenvalues between λ_min and λ_max in modulus, and β ≤ |σ'| ≤ γ, then "
        "‖∂x_t/∂x_k‖ ≤ (λ_max γ)^(t−k) ‖I‖. The proof writes Wᴴ = Uᴴ D U with a unitary U.",
        "‖∂x_t/∂x_k‖ ≤ (σ_max γ)^(t−k) ‖I‖ for every W, with the largest singular value. With eigenvalues the bound "
        "holds for normal W, orthogonal ones among them, so the paper's conclusion for its own network stands.",
        "A unitary U exists exactly if W is normal; a diagonalizable W has W = V D V⁻¹, and V costs a factor. That "
        "diagonalizable matrices are dense does not help: normal ones have measure zero.",
        eigenvalues_do_not_bound_a_product,
    ),
    Erratum(
        "[chu, sec. 1; chu, sec. 3]",
        "Small eigenvalues do not prevent an exploding gradient",
        "The criticism of a proof in [pascanu2013], which bounds ‖W‖ by the eigenvalue λ_1, is right; it continues: "
        "“their conclusions turn out to be correct”, and the gradient vanishes if λ_max γ < 1.",
        "It vanishes if σ_max γ < 1. The spectral radius is not submultiplicative, so between activations it bounds "
        "nothing, however long the sequence.",
        "J_t = D_t W J_{t−1}. In the example D = diag(1, −1) at every step: W has eigenvalues of modulus 0.0006, and "
        "D W has 1.2, to six digits. γ = 1, and the eigenvalues of W are distinct.",
        small_eigenvalues_and_an_exploding_gradient,
    ),
    Erratum(
        "[chu, thm. 1]",
        "The lower bound holds for every square matrix, but protects no single gradient",
        "‖∂x_t/∂x_k‖ ≥ (λ_min β)^(t−k) ‖I‖, by the same argument as the upper bound: “a proven lower bound on the "
        "norm of gradients between hidden layers”.",
        "The inequality is true, for every square W, though for another reason. It bounds the norm of a matrix: the "
        "gradient of one loss can still shrink, down to (σ_min β)^(t−k) of its length.",
        "Determinants multiply: |det J| = ∏ |det W| |det D| ≥ (λ_min β)^(n(t−k)), and ‖J‖_F ≥ √n |det J|^(1/n) is the "
        "inequality between the arithmetic and geometric mean of the squared singular values. For orthogonal W and "
        "|x| the two readings agree.",
        the_lower_bound_is_no_bound_for_a_vector,
    ),
    Erratum(
        "[chu, sec. 4]",
        "The update of B is printed with the sign of ascent",
        "B ← B + η (∇J Wᵀ − W ∇Jᵀ), W ← exp(B).",
        "B ← B − ηP for P = ∇J Wᵀ − W ∇Jᵀ, if J is to fall. The same section's “∇_B J = ∇_W J Wᵀ − W (∇_W J)ᵀ”, handed "
        "to an optimizer that subtracts, has the right sign.",
        "At B = 0, dJ = ⟨∇J, dB W⟩ = ½ ⟨P, dB⟩, so dB = +ηP gives dJ = +½ η ‖P‖² ≥ 0.",
        the_plus_sign_ascends,
    ),
    Erratum(
        "[chu, sec. 4]",
        "Plumbley's direction is the gradient of B only where it commutes with B",
        "∇_B J = ∇_W J Wᵀ − W (∇_W J)ᵀ.",
        "That is P, and the gradient is P − [B, P]/2 + [B, [B, P]]/6 − …, equal to P if [B, P] = 0. P is the "
        "gradient with respect to S at S = 0 in exp(S) W, the multiplicative step of [plumbley2004].",
        "d exp(B) = φ(ad_B)(dB) exp(B) with φ(z) = (e^z − 1)/z, and the adjoint of φ(ad_B) is φ(−ad_B).",
        plumbleys_direction_is_not_the_gradient_of_b,
    ),
    Erratum(
        "[chu, sec. 4]",
        "Subtracting Plumbley's direction from B can ascend",
        "The update rule is described as the one of [plumbley2004], applied to B with W ← exp(B).",
        "The multiplicative W ← exp(−ηP) W descends for every loss. The additive B ← B − ηP is guaranteed to descend "
        "while all gaps between eigenvalues of iB are below π, as for ‖B‖₂ < π/2, and may ascend beyond.",
        "In the eigenbasis of iB, ⟨P, gradient⟩ = Σ |P_jk|² sinc(ω_j − ω_k) with sinc x = sin x / x, negative for gaps "
        "between π and 2π. The example puts all of P at the gap 4.4.",
        plumbleys_direction_can_ascend,
    ),
    Erratum(
        "[chu, sec. 4; dorobantu2016, sec. 4.1]",
        "Exponentials and products of rotations give rotations only",
        "W = exp(B) keeps the weights “unitary (or equivalently, assuming all entries are real, orthogonal)”; an "
        "orthogonal matrix may be constructed as a product of Givens rotations.",
        "Both reach the special orthogonal group, det W = +1, which is half of the orthogonal one and a small part of "
        "the unitary one. A fixed diagonal of ±1 gives the other half.",
        "det exp(B) = e^(tr B) = 1, and each rotation has determinant 1. If det Q = 1 and det R = −1, then RᵀQ has an "
        "eigenvalue −1, so ‖Q − R‖_F = ‖RᵀQ − I‖_F ≥ 2.",
        exponentials_are_rotations,
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
        "cross-entropy, and accuracy is judged by the argmax.",
        "A mean cross-entropy of 0.10 implies an accuracy above 85 %; at 56.73 % it is at least 0.2999. So one of the "
        "two entries means something other than the caption says; another logarithm alone does not explain it.",
        "Where the argmax is wrong, another class has at least the true one's probability, which is then at most ½: "
        "such an example costs at least ln 2, and a right one costs at least 0.",
        accuracy_bounds_the_cross_entropy,
    ),
    Erratum(
        "[chu, Table 6]",
        "A lower bound leaves out the norm of the identity",
        "Leaky ReLU with slope 0.5 has the lower bound 0.5^30 = 9.3e-10 and the upper bound √200 = 14.14.",
        "Both in the same norm, the lower bound is 0.5^30 √200 = 1.3e-8; with the 29 steps between 30 states, 2.6e-8. "
        "The conclusion, that it is virtually zero, is not affected.",
        "Theorem 1 multiplies both bounds by ‖I‖_F = √n.",
        a_bound_without_its_identity,
    ),
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
        "[wisdom2016, abstract]",
        "Seven factors are restricted from n = 6 on, not only above 7",
        "The unitary parametrization of [arjovsky2016], by seven factors, “has restricted capacity for hidden state "
        "dimension greater than 7”.",
        "True, and not the whole extent: it is restricted from n = 6 on. Counting 7n parameters against n² gives "
        "n > 7; seven of them are redundant, and 7n − 7 < n² holds for n ≥ 6 as well.",
        "At most 7n − 7 directions: length and phase of each reflection vector (4 real numbers) do nothing; the common "
        "phases of D₁, D₂, D₃ commute with everything, so two of three are redundant; and the two reflections' "
        "tangent spaces, carried to one point, share a line: in the plane of their vectors each spans two of the three "
        "dimensions of su(2).",
        seven_factors_are_restricted_from_six_on,
    ),
    Erratum(
        "[sengupta2018, sec. 1]",
        "The spectral norm is not the principal eigenvalue",
        "The introduction speaks of the spectral norm, “i.e., principal eigenvalue”, which is to be normalised.",
        "The spectral norm is the largest singular value; it is at least the spectral radius, with equality for normal "
        "matrices. The paper's own point, that a normalised spectrum leaves a network non-robust, is about the "
        "eigenvalue, and the example shows it.",
        "‖W‖₂² is the largest eigenvalue of WᵀW. A power iteration on W finds ρ, on WᵀW it finds σ². After division by "
        "σ every power has norm at most 1; after division by ρ the powers stay bounded here, but far above 1.",
        a_spectral_radius_of_one_bounds_no_step,
    ),
)


# -- the page --------------------------------------------------------------------------------------------------------


def stated(value: float) -> str:
    """A number as the page states it: four digits, and 0 for what is below 1e-12."""
    return f"{value:.4g}" if abs(value) >= 1e-12 else "0"


def about(example: Callable[[], Numbers]) -> str:
    """What an example computes, from its docstring."""
    return " ".join((example.__doc__ or "").split())


def page() -> str:
    """docs/errata.md, with the numbers of the examples as they come out now."""
    lines = [
        "# Errata",
        "",
        *_wrapped(
            "Statements of the papers that do not hold as printed, what holds instead, and why; each with an example "
            "that you can run: `minirnn errata 3` prints number 3 and computes its numbers. Keys are those of the "
            "[bibliography](bibliography.md). None of this touches the ideas, which are implemented here because they "
            "work; it is for readers who check a program against a page and wonder which of the two to trust. In "
            "the tables, 0 stands for anything below 1e-12."
        ),
        "",
        *_wrapped("This page is printed by `python -m minirnn.errata`; text and examples are in minirnn/errata.py."),
        "",
    ]
    for number, e in enumerate(ERRATA, 1):
        lines += [f"## {number}. {e.title}", "", e.source, ""]
        for heading, text in (("As printed.", e.printed), ("What holds.", e.true), ("Why.", e.proof)):
            lines += [*_wrapped(f"**{heading}** {text}"), ""]
        lines += [*_wrapped(f"**Example.** {about(e.example)}"), "", "| quantity | value |", "|---|---|"]
        lines += [f"| {label.replace('|', chr(92) + '|')} | {stated(value)} |" for label, value in e.example().items()]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    print(page(), end="")
