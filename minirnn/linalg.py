"""The few matrix helpers that several components share, each with its formula."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """σ(x) = 1 / (1 + e⁻ˣ) = (1 + tanh(x / 2)) / 2: the second form cannot overflow."""
    y = np.multiply(x, 0.5, out=out)
    y = np.tanh(y, out=out)
    y = np.multiply(y, 0.5, out=out)
    return np.add(y, 0.5, out=out)


def blocks(z: Array, count: int) -> list[Array]:
    """The `count` equal parts of the last axis, as views: one per gate."""
    n = z.shape[-1] // count
    return [z[..., k * n : (k + 1) * n] for k in range(count)]


def outer_sum(W: Array, dZ: Array, H: Array) -> Array:
    """∂L/∂W for Z = H Wᵀ: Σ over all leading axes of z̄ hᴴ, as one matrix product.

    dZ (..., rows), H (..., columns) -> (rows, columns). A structured matrix (an operator with `gradient`) answers for
    itself, on its own structure.  Cost: one product, rows x columns x (product of the leading axes).
    """
    if hasattr(W, "gradient"):
        return W.gradient(dZ, H)
    return dZ.reshape(-1, dZ.shape[-1]).T @ H.reshape(-1, H.shape[-1]).conj()


def skew_coordinates(G: Array) -> Array:
    """∂L/∂b_ij (i < j) for B = Σ b_ij (E_ij − E_ji) when G = ∂L/∂B: the strict upper triangle of G − Gᵀ."""
    return np.triu(G - G.T, 1)


def skew(B: Array) -> Array:
    """The skew-symmetric matrix whose strict upper triangle is B's: Σ b_ij (E_ij − E_ji)."""
    upper = np.triu(B, 1)
    return upper - upper.T


def orthogonality_error(W: Array) -> Array:
    """‖WᴴW − I‖_F, zero for an orthogonal (unitary) W, on the smaller side of an n × p matrix."""
    W = W if W.shape[0] >= W.shape[1] else W.conj().T
    gram = W.conj().T @ W
    return np.linalg.norm(gram - np.identity(gram.shape[0], dtype=W.dtype, like=W))
