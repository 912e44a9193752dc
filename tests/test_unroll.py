"""The loop over time against literal transcriptions, closed forms and differences, whole and truncated."""

import numpy as np
import oracles
import pytest
from small_loops import LENGTHS, activation_of, backward, elman_problem, forward, normal

from minirnn import catalog, unroll
from minirnn.activations import Identity
from minirnn.cells import LSTM, Elman
from minirnn.gates import step_matrices
from minirnn.products import split

NETWORKS = [
    pytest.param(name, kind, id=name if kind == "f" else f"{name}, complex")
    for name in catalog.components("activations") for kind in activation_of(name, 4, np.random.default_rng(0)).kinds
]


def trained(cell):
    """The activation's one parameter, a number per unit; None if it has none."""
    for x in cell.f.params.values():
        return np.zeros(4) + x
    return None


def assert_close(found, wanted, limit=1e-12):
    assert set(found) == set(wanted)
    for name, a in wanted.items():
        error = np.max(np.abs(found[name] - a)) / max(np.max(np.abs(a)), 1e-300)
        assert error <= limit, f"{name}: relative error {error:.2e}"


def test_every_activation_has_its_literal_form():
    assert set(oracles.ACTIVATIONS) == set(catalog.components("activations"))


@pytest.mark.parametrize(("activation", "kind"), NETWORKS)
def test_elman_forward_is_the_literal_recurrence(activation, kind):
    cell, p, _ = elman_problem(20, activation, kind)
    _, h = oracles.elman(p["X"], p["U"], p["W"], p["b"], p["h0"], activation, trained(cell))
    np.testing.assert_allclose(forward(cell, p)[0].states[0], h, rtol=1e-12, atol=1e-14)


def test_lstm_forward_is_the_literal_recurrence():
    rng = np.random.default_rng(1)
    T, B, n, m = 20, 3, 4, 2
    X, U, W = rng.standard_normal((T, B, m)), rng.standard_normal((4 * n, m)), rng.standard_normal((4 * n, n))
    b, h0, c0 = rng.standard_normal(4 * n), rng.standard_normal((B, n)), rng.standard_normal((B, n))
    tape = unroll.forward(LSTM(), split(X @ U.T + b, 4), (h0, c0), step_matrices(LSTM(), {"W": W}, B))
    for found, wanted in zip(tape.states, oracles.lstm(X, U, W, b, h0, c0), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)


def test_lstm_gates_saturate_without_overflow():
    A = np.array([[[-1e4, 1e4]], [[1e4, -1e4]]])[:, None].repeat(4, axis=1)
    w = step_matrices(LSTM(), {"W": np.zeros((8, 2))}, 1)
    tape = unroll.forward(LSTM(), A, (np.zeros((1, 2)), np.zeros((1, 2))), w)
    assert all(np.isfinite(S).all() for S in tape.states)


@pytest.mark.parametrize(("activation", "kind"), NETWORKS)
@pytest.mark.parametrize("T", LENGTHS)
def test_backward_is_literal_bptt_at_every_length_around_a_segment(T, activation, kind):
    cell, p, rng = elman_problem(T, activation, kind)
    dH = normal((T, 3, 4), rng, kind)
    wanted = oracles.elman_bptt(p["X"], p["U"], p["W"], p["b"], p["h0"], activation, dH, trained(cell))
    for name, x in cell.f.params.items():
        dp = wanted.pop("p")
        wanted[f"activation.{name}"] = dp if x.shape == dp.shape else dp.sum(keepdims=True)
    assert_close(backward(cell, p, dH), wanted)


@pytest.mark.parametrize("T", LENGTHS)
def test_linear_network_has_its_closed_form_state(T):
    cell, p, _ = elman_problem(T, "identity")
    powers = [np.linalg.matrix_power(p["W"], k) for k in range(T + 1)]
    for s in range(3):
        h = powers[T] @ p["h0"][s] + sum(powers[T - t] @ (p["U"] @ p["X"][t - 1, s] + p["b"]) for t in range(1, T + 1))
        np.testing.assert_allclose(forward(cell, p)[0].states[0][-1, s], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("T", LENGTHS)
def test_linear_network_has_its_closed_form_gradient(T):
    """For L = cᵀh_T: dL/dW = Σ_t (Wᵀ)^{T-t} c h_{t-1}ᵀ, dL/dU = Σ_t (Wᵀ)^{T-t} c x_tᵀ, dL/dh_0 = (Wᵀ)^T c."""
    p = elman_problem(T, "identity")[1]
    c = np.random.default_rng(2).standard_normal((3, 4))
    H = forward(Elman(Identity()), p)[0].states[0]
    back = [np.linalg.matrix_power(p["W"].T, k) for k in range(T + 1)]
    terms = [(back[T - t] @ c[s], H[t - 1, s], p["X"][t - 1, s]) for t in range(1, T + 1) for s in range(3)]
    found = backward(Elman(Identity()), p, c[None])
    del found["X"]
    assert_close(found, {
        "W": sum(np.outer(z, h) for z, h, _ in terms),
        "U": sum(np.outer(z, x) for z, _, x in terms),
        "b": sum(z for z, _, _ in terms),
        "h0": np.array([back[T] @ c[s] for s in range(3)]),
    })


@pytest.mark.parametrize("cell", [Elman(), LSTM()], ids=["elman", "lstm"])
@pytest.mark.parametrize("K", [0, 1, 5, 20])
def test_the_adjoints_of_all_states_are_those_that_backward_passes_through(cell, K):
    rng = np.random.default_rng(3)
    T, B, n, G = 20, 2, 3, len(cell.gates)
    A, w = rng.standard_normal((T, *cell.shape(B, n))), step_matrices(cell, {"W": rng.standard_normal((G * n, n))}, B)
    state = tuple(rng.standard_normal((2, B, n)))[: cell.states]
    tape, dH = unroll.forward(cell, A.copy(), state, w), rng.standard_normal((K, B, n))
    found = dict(unroll.adjoints(cell, tuple(np.zeros_like(s) for s in state), tape, w, dH))
    assert list(found) == list(range(T, -1, -1))
    for t in (0, 3, 19):                                            # backward of the steps after t alone ends at t
        later = unroll.Tape(tuple(S[t:] for S in tape.states), tape.caches[t:])
        wanted, _, _ = unroll.backward(cell, dH[-(T - t):], later, w, lambda steps, dA: None)
        above = dH[t - 1 - T + K] if t > max(0, T - K) else 0     # what is read at t itself is complete there
        np.testing.assert_allclose(found[t][0], wanted[0] + above, rtol=1e-13, atol=1e-15)
        for one, other in zip(found[t][1:], wanted[1:], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-15)


# ---- truncated backpropagation: values are carried on, gradients stop


def pieces(p, length):
    return [{**p, "X": p["X"][start : start + length]} for start in range(0, len(p["X"]), length)]


@pytest.mark.parametrize("length", [1, 7, 16, 20, 40])
def test_pieces_with_carried_state_compute_the_whole_sequence(length):
    cell, p, _ = elman_problem(40)
    whole, h = forward(cell, p)[0].states[0], p["h0"]
    parts = []
    for piece in pieces(p, length):
        states = forward(cell, {**piece, "h0": h})[0].states[0]
        parts.append(states[1:])
        h = states[-1]
    np.testing.assert_allclose(np.concatenate(parts), whole[1:], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("length", [7, 20])
def test_truncated_gradient_holds_the_carried_state_constant(length):
    """The gradient of each piece is its finite difference with the carried state as a fixed number."""
    cell, p, rng = elman_problem(21)
    h, step = p["h0"], 1e-6
    for k, piece in enumerate(pieces(p, length)):
        piece = {**piece, "h0": h, "W": p["W"].copy()}
        C = rng.standard_normal((len(piece["X"]), 3, 4))
        dW = backward(cell, piece, C)["W"]
        numeric = np.zeros_like(dW)
        for index in np.ndindex(dW.shape):
            kept = piece["W"][index]
            losses = []
            for sign in (1, -1):
                piece["W"][index] = kept + sign * step
                losses.append(np.sum(C * forward(cell, piece)[0].states[0][1:]))
            piece["W"][index] = kept
            numeric[index] = (losses[0] - losses[1]) / (2 * step)
        assert np.max(np.abs(dW - numeric)) <= 1e-7 * np.max(np.abs(numeric)), f"piece {k}"
        h = forward(cell, piece)[0].states[0][-1]
