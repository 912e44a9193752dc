"""Chu: the update of B, and what exp(B) reaches."""

from __future__ import annotations

import numpy as np

from minirnn.errata.erratum import Erratum, Numbers
from minirnn.linalg import generator, skew
from minirnn.parametrizations import ExpMap, Plumbley


def _loss_after(A: np.ndarray, dA: np.ndarray, G: np.ndarray) -> float:
    """L(exp(A + dA)) − L(exp(A)) for the linear loss L(W) = ⟨G, W⟩, whose gradient is G everywhere."""
    return float(np.sum(G * (ExpMap(A + dA).matrix()[0] - ExpMap(A).matrix()[0])))


def _skew_of_norm(n: int, norm: float, rng: np.random.Generator) -> np.ndarray:
    """The upper triangle of a random skew B with ‖B‖₂ = norm."""
    A = np.triu(rng.standard_normal((n, n)), 1)
    return norm * A / np.linalg.norm(skew(A), 2)


def _directions(A: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, the exact gradient), both in the coordinates b_ij, i < j."""
    pseudo, exact = Plumbley(A), ExpMap(A)
    return pseudo.pullback(G, pseudo.matrix()[1])["A"], exact.pullback(G, exact.matrix()[1])["A"]


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


ERRATA = (
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
)
