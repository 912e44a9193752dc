"""Chu: clipping the gradient of W before it is turned into a direction of B."""

from __future__ import annotations

import numpy as np

from minirnn.errata.erratum import Erratum, Numbers
from minirnn.initializers import orthogonal
from minirnn.linalg import skew_coordinates
from minirnn.optimizers import ClipElementwise
from minirnn.parametrizations import ExpMap


def _along(G: np.ndarray, W: np.ndarray, clipped: np.ndarray) -> float:
    """⟨P(clipped), P(G)⟩, P(G) = G Wᵀ − W Gᵀ: positive means that the step taken with `clipped` descends."""
    return float(np.sum(skew_coordinates(clipped @ W.T) * skew_coordinates(G @ W.T)))


def clipping_before_the_projection_ascends() -> Numbers:
    """L = ⟨G, W⟩; W = exp(B) with b₁₂ = 0.5, G = [[5, 0], [−0.6, 0]]; then 10,000 orthogonal W (n = 8), G Cauchy."""
    clip = ClipElementwise(0.25)
    A, G = np.array([[0.0, 0.5], [0, 0]]), np.array([[5.0, 0], [-0.6, 0]])
    parametrization = ExpMap(A)
    W, cache = parametrization.matrix()

    def change(dW):
        moved = A - 1e-3 * parametrization.pullback(dW, cache)["A"]
        return float(np.sum(G * (ExpMap(moved).matrix()[0] - W)))

    rng, before, after, draws = np.random.default_rng(0), 0, 0, 10_000
    for _ in range(draws // 10):
        Q = orthogonal((8, 8), rng)
        for C in rng.standard_cauchy((10, 8, 8)):
            P = skew_coordinates(C @ Q.T)
            before += _along(C, Q, clip({"W": C})["W"]) < 0
            after += np.sum(clip({"B": P})["B"] * P) < 0
    return {
        "change of the loss, G as it is": change(G),
        "change of the loss, G clipped at 0.25": change(clip({"W": G})["W"]),
        "share of ascents, G clipped, in %": 100 * before / draws,
        "share of ascents, P clipped instead, in %": 100 * after / draws,
    }


ERRATA = (
    Erratum(
        "[chu, sec. 6]",
        "Clipping the entries of W's gradient can turn descent into ascent",
        "“… hence decided to clip solely the gradient of W_rec to a maximum element-wise magnitude of 0.25”: from this "
        "gradient the direction of B is computed.",
        "Clipped by entries, a gradient G still descends in W. Its projection to the tangent space, "
        "P = G Wᵀ − W Gᵀ, need not. Clipping by the norm keeps its direction; clipping P instead of G keeps "
        "W ← exp(−ηP) W descending.",
        "⟨clip(G), G⟩ ≥ 0, since no entry changes its sign; but P of clip(G) is another linear combination of the "
        "entries. For n = 2, p₁₂ = a (g₁₁ + g₂₂) + b (g₁₂ − g₂₁), where (a, b) is W's first row turned by a quarter: "
        "shrinking the largest entry alone can reverse the sum. P commutes with B there, so it is the exact gradient.",
        clipping_before_the_projection_ascends,
    ),
)
