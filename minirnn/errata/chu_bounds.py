"""Chu: the bounds on products of Jacobians."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense


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


def a_bound_without_its_identity() -> Numbers:
    """Leaky ReLU of slope 0.5, n = 200, 30 factors; and 29, since 30 states have 29 steps between them."""
    return {
        "printed": 0.5**30,
        "0.5^30 ‖I‖_F": 0.5**30 * np.sqrt(200),
        "0.5^29 ‖I‖_F": 0.5**29 * np.sqrt(200),
    }


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
        "[chu, Table 6]",
        "A lower bound leaves out the norm of the identity",
        "Leaky ReLU with slope 0.5 has the lower bound 0.5^30 = 9.3e-10 and the upper bound √200 = 14.14.",
        "Both in the same norm, the lower bound is 0.5^30 √200 = 1.3e-8; with the 29 steps between 30 states, 2.6e-8. "
        "The conclusion, that it is virtually zero, is not affected.",
        "Theorem 1 multiplies both bounds by ‖I‖_F = √n.",
        a_bound_without_its_identity,
    ),
)
