"""Chu: the product of Jacobians, who bounded it first, and what its bound does not reach."""

from __future__ import annotations

import numpy as np

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.diagnostics import jacobian_norms
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense, Givens


def one_index_for_all_factors() -> Numbers:
    """h_t = tanh(W h_{t−1} + x_t), n = 8, 10 steps, W and x random; the paper writes x_t for h_t."""
    rng = np.random.default_rng(0)
    W, X = rng.standard_normal((8, 8)) / np.sqrt(8), rng.standard_normal((10, 1, 8))
    layer = Recurrent(Elman(), Dense(np.identity(8)), None, W=Dense(W))
    H = layer.forward(X)[0][:, 0]
    D = [np.diag(1 - h * h) for h in H]                             # tanh'(z_i)
    true, printed = np.identity(8), np.identity(8)
    for i in range(10):
        true, printed = true @ W.T @ D[i], printed @ W.T @ D[-1]
    return {
        "‖∂h_10/∂h_0‖_F by the network's own backward pass": jacobian_norms(layer, X)[0, 0],
        "‖product‖_F with σ' of step i in factor i": np.linalg.norm(true),
        "‖product‖_F with σ' of one step in all factors": np.linalg.norm(printed),
    }


def _weights_gradient(T: int, n: int = 32) -> tuple[float, float]:
    """(‖∂h_T/∂h_0‖_F, ‖∂L/∂W‖_F): |W h + U x + b|, W orthogonal, for a unit gradient ∂L/∂h_T."""
    rng = np.random.default_rng(0)
    W, U = orthogonal((n, n), rng), rng.standard_normal((n, 4)) / 2
    X, dh = rng.standard_normal((T, 1, 4)), rng.standard_normal((1, 1, n))
    layer = Recurrent(Elman(Abs()), Dense(U), np.zeros(n), W=Dense(W))
    _, _, tape = layer.forward(X)
    _, grads = layer.backward(dh / np.linalg.norm(dh), tape)
    return jacobian_norms(layer, X)[0, 0], float(np.linalg.norm(grads["W"]))


def a_constant_jacobian_and_a_growing_gradient() -> Numbers:
    """|x| and an orthogonal W, n = 32, random inputs; L is linear in the last state, with a gradient of length 1."""
    found: Numbers = {}
    for T in (10, 30, 100, 300):
        J, dW = _weights_gradient(T)
        found |= {f"‖∂h_T/∂h_0‖_F, T = {T}": J, f"‖∂L/∂W‖_F, T = {T}": dW}
    return found


def rotations_and_the_absolute_value_lose_nothing() -> Numbers:
    """Packed rotations (n = 8, all 7 rounds, random angles) and |x|, 100 steps, random inputs, 50 unit gradients."""
    rng = np.random.default_rng(0)
    W = Givens(rng.uniform(-np.pi, np.pi, (7, 4)), 8)
    layer = Recurrent(Elman(Abs()), Dense(np.identity(8)), None, h0=(np.zeros(8),), W=W)
    lengths: list[float] = []
    for _ in range(50):
        g = rng.standard_normal((1, 1, 8))
        _, _, tape = layer.forward(rng.standard_normal((100, 1, 8)))
        lengths.append(float(np.linalg.norm(layer.backward(g / np.linalg.norm(g), tape)[1]["h0"])))
    return {"shortest gradient at h_0": min(lengths), "longest gradient at h_0": max(lengths)}


ERRATA = (
    Erratum(
        "[chu, sec. 1; chu, thm. 1]",
        "The factors of the Jacobian need their own index",
        "∂x_t/∂x_k is the product of Wᵀ diag(σ'(x_{t−1})) over t ≥ i > k: the index t − 1 in every factor, also in the "
        "bound that follows and in the proof of Theorem 1.",
        "Factor i has the derivative at step i. For the network of the experiments, x_i = σ(z_i) with "
        "z_i = W x_{i−1} + …, it is Wᵀ diag(σ'(z_i)), up to transposing the whole; σ'(x_{i−1}) belongs to the form "
        "x_i = W σ(x_{i−1}) + … of [pascanu2013]. The theorem uses only β ≤ |σ'| ≤ γ, and so does not suffer.",
        "The chain rule, with dx_i = diag(σ'(z_i)) W dx_{i−1}.",
        one_index_for_all_factors,
    ),
    Erratum(
        "[chu, sec. 6; chu, sec. 8]",
        "A constant Jacobian does not bound the gradient of W",
        "Orthogonal W and |x| keep gradients from vanishing and exploding; yet “our gradients for W_rec sometimes "
        "exploded” in training.",
        "Both are true, and compatible. Theorem 1 is about ∂x_t/∂x_k, between states. The gradient of W also has the "
        "states themselves as factors, and is a sum over time: it may grow with T and with the states, and in the "
        "example does.",
        "∂L/∂W = Σ z̄_t h_{t−1}ᵀ. Here ‖z̄_t‖ = 1 for all t, so ‖∂L/∂W‖ ≤ Σ ‖h_{t−1}‖, and nothing bounds the states "
        "but their inputs: ‖h_t‖ ≤ ‖h_{t−1}‖ + ‖U x_t + b‖.",
        a_constant_jacobian_and_a_growing_gradient,
    ),
    Erratum(
        "[chu, sec. 3; dorobantu2016, thm. 3]",
        "The lower bound is not the only one of its kind",
        "“To the best of our knowledge, this is the first occasion of a network with a proven lower bound on the norm "
        "of gradients between hidden layers.”",
        "[dorobantu2016] proves that the gradient's norm is preserved exactly, which is a lower bound, too, for "
        "rotations and |x|: the case of β = γ = 1 of Theorem 1. The manuscript has no date, so which came first is "
        "unknown; its theorem covers other activations as well.",
        "In their proof the Jacobian of a step is a diagonal of ±1 times an orthogonal matrix. That bounds every "
        "gradient from below, not only the norm of the Jacobian.",
        rotations_and_the_absolute_value_lose_nothing,
    ),
)
