"""Singular values and eigenvalues of the recurrent matrix: what one step can do to a state or to a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.subject import Subject
from minirnn.linalg import orthogonality_error

Array = Any


class Spectrum(Diagnostic):
    """Singular values σ and eigenvalues λ of W, and ‖WᴴW − I‖_F.  [vorontsov2017, Figure 3]

    σ_min and σ_max bound what W does to a vector in one step, |λ| what it does after many steps: |λ| <= σ_max, with
    equality for normal matrices. A cell with several square blocks (the gates) gets all their values in one list,
    the largest spectral radius and the largest error, and each block for itself under "matrices".
    In double precision, on the host.   Cost: one singular value and one eigenvalue problem per block, about 30n³.
    """

    summary = "singular values and eigenvalues of W, spectral radius, and the distance from orthogonality"
    watchable = True

    def measure(self, subject: Subject) -> dict[str, Any]:
        blocks = {name: spectrum(W) for name, W in subject.square_matrices().items()}
        found = _joined(list(blocks.values()))
        return found if len(blocks) == 1 else {**found, "matrices": blocks}


def spectrum(W: Array) -> dict[str, Any]:
    """The fields of one square matrix (n, n) on the host: singular values falling, eigenvalues by falling modulus."""
    W = np.asarray(W, dtype=np.result_type(W, np.float64))
    eigenvalues = np.linalg.eigvals(W)
    eigenvalues = eigenvalues[np.argsort(-np.abs(eigenvalues), kind="stable")]
    return {
        **_statistics(np.linalg.svd(W, compute_uv=False)),
        "eigenvalues": np.stack([eigenvalues.real, eigenvalues.imag], axis=1).tolist(),
        "spectral_radius": np.abs(eigenvalues[0]).item(),
        "orthogonality_error": orthogonality_error(W).item(),
    }


def _statistics(singular: Array) -> dict[str, Any]:
    return {
        "singular_mean": singular.mean().item(),
        "singular_std": singular.std().item(),
        "singular_min": singular.min().item(),
        "singular_max": singular.max().item(),
        "singular_values": np.sort(singular)[::-1].tolist(),
    }


def _joined(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of several blocks as those of one."""
    return {
        **_statistics(np.concatenate([block["singular_values"] for block in blocks])),
        "eigenvalues": [pair for block in blocks for pair in block["eigenvalues"]],
        **{key: max(block[key] for block in blocks) for key in ("spectral_radius", "orthogonality_error")},
    }
