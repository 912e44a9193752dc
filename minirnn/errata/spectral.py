"""Sengupta and Friston: which norm is normalised."""

from __future__ import annotations

import numpy as np

from minirnn.diagnostics.non_normality import power_norms
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.parametrizations import SpectralNorm, SpectralRadius


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


ERRATA = (
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
