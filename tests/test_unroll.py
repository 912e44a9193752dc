"""The loop over time against literal transcriptions and closed forms."""

from types import SimpleNamespace

import numpy as np
import oracles
import pytest

from minirnn import catalog, unroll
from minirnn.activations import Gain, Identity, LeakyReLU, ModReLU, PReLU, ReLU
from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.gates import step_matrices
from minirnn.products import split

LENGTHS = (1, 15, 16, 17, 40)          # around one segment of the loop, and several

# the activations as their literal forms in `oracles` have them; the others have nothing to choose
CHOSEN = {
    "gain": lambda n, rng: Gain(g=1.05, trained=True),
    "leaky-relu": lambda n, rng: LeakyReLU(0.5),
    "modrelu": lambda n, rng: ModReLU(rng.uniform(-0.5, 0.5, n)),
    "prelu": lambda n, rng: PReLU(rng.uniform(-0.5, 1.5, n)),
}


def activation_of(name, n, rng):
    return CHOSEN[name](n, rng) if name in CHOSEN else catalog.find("activations", name)()


NETWORKS = [
    pytest.param(name, kind, id=name if kind == "f" else f"{name}, complex")
    for name in catalog.components("activations") for kind in activation_of(name, 4, np.random.default_rng(0)).kinds
]


def normal(shape, rng, kind="f"):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if kind == "c" else x


def elman_problem(T, activation="tanh", kind="f", B=3, n=4, m=2, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        "X": normal((T, B, m), rng, kind),
        "U": normal((n, m), rng, kind),
        "W": normal((n, n), rng, kind) / np.sqrt(n),
        "b": normal(n, rng, kind),
        "h0": normal((B, n), rng, kind),
    }
    return Elman(activation_of(activation, n, rng)), arrays, rng


def trained(cell):
    """The activation's one parameter, a number per unit; None if it has none."""
    for x in cell.f.params.values():
        return np.zeros(4) + x
    return None


def forward(cell, p, keep=True):
    w = SimpleNamespace(W=p["W"])
    return unroll.forward(cell, p["X"] @ p["U"].T + p["b"], (p["h0"],), w, keep), w


def backward(cell, p, dH):
    """All gradients by name, through `unroll.backward`."""
    tape, w = forward(cell, p)
    dA = np.full((*p["X"].shape[:2], len(p["b"])), np.nan, p["X"].dtype)
    (dh0,), dmatrices, dvectors = unroll.backward(cell, dH, tape, w, dA.__setitem__)
    dU = np.einsum("tbi,tbj->ij", dA, p["X"].conj())
    return {"X": dA @ p["U"].conj(), "U": dU, "b": dA.sum((0, 1)), "h0": dh0, **dmatrices, **dvectors}


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
@pytest.mark.parametrize("K", [1, 5, 16, 17, 20])
def test_reading_the_last_steps_alone_equals_zero_gradients_before(cell, K):
    rng = np.random.default_rng(3)
    T, B, n, G = 20, 2, 3, len(cell.gates)
    A, w = rng.standard_normal((T, *cell.shape(B, n))), step_matrices(cell, {"W": rng.standard_normal((G * n, n))}, B)
    state = tuple(rng.standard_normal((2, B, n)))[: cell.states]
    tape = unroll.forward(cell, A.copy(), state, w)
    dH = rng.standard_normal((K, B, n))
    padded = np.concatenate([np.zeros((T - K, B, n)), dH])
    results = []
    for given in (dH, padded):
        dA = np.empty_like(A)
        dstate, dmatrices, _ = unroll.backward(cell, given, tape, w, dA.__setitem__)
        results.append([dA, *dstate, dmatrices["W"]])
    for short, long in zip(*results, strict=True):
        np.testing.assert_array_equal(short, long)


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


# ---- room: a step may put what it returns where the loop keeps it

CELLS = [
    pytest.param(cell, kind, id=f"{name} {label} {kind}")
    for name in catalog.components("cells")
    for label, cell in catalog.find("cells", name).examples(4, np.random.default_rng(0))
    for kind in cell.kinds
]


class Elsewhere:
    """A cell whose steps return arrays of their own: the loop's room is not touched."""

    def __init__(self, cell):
        self.cell = cell

    def __getattr__(self, name):
        return getattr(self.cell, name)

    def step(self, a, state, w, out):
        return self.cell.step(a, state, w, tuple(np.full_like(room, np.nan) for room in out))

    def step_backward(self, dstate, state_prev, state, cache, w, out):
        return self.cell.step_backward(dstate, state_prev, state, cache, w, np.full_like(out, np.nan))


def both_ways(cell, kind, T=20, B=3, n=4):
    """The states, and all that `unroll.backward` finds."""
    rng = np.random.default_rng(6)
    shapes = {name: (rows * n, columns * n) for name, (rows, columns) in cell.matrices.items()}
    w = step_matrices(cell, {name: normal(shape, rng, kind) / n for name, shape in shapes.items()}, B)
    A = normal((T, *cell.shape(B, n)), rng, kind)
    tape = unroll.forward(cell, A.copy(), tuple(normal((cell.states, B, n), rng, kind)), w)
    dA = np.empty_like(A)
    dstate, matrices, vectors = unroll.backward(cell, normal((T, B, n), rng, kind), tape, w, dA.__setitem__)
    return {**dict(enumerate(tape.states)), "dA": dA, "dstate": np.stack(dstate), **matrices, **vectors}


@pytest.mark.parametrize(("cell", "kind"), CELLS)
def test_a_step_computes_the_same_wherever_its_results_are_put(cell, kind):
    wanted = both_ways(Elsewhere(cell), kind)
    for name, x in both_ways(cell, kind).items():
        np.testing.assert_array_equal(x, wanted[name], err_msg=str(name))


@pytest.mark.parametrize("cell", [Elman(), Elman(ReLU()), LSTM(), GRU.sized(4), PeepholeLSTM.sized(4)], ids=type)
def test_what_these_cells_compute_is_put_into_the_room_they_are_given(cell, monkeypatch):
    step, step_backward, elsewhere = cell.step, cell.step_backward, []

    def forward(a, state, w, out):
        found, cache = step(a, state, w, out)
        elsewhere.append(any(s is not r for s, r in zip(found, out, strict=True)))
        return found, cache

    def backward(dstate, before, after, cache, w, out):
        da, dstate = step_backward(dstate, before, after, cache, w, out)
        elsewhere.append(da is not out)
        return da, dstate

    monkeypatch.setattr(cell, "step", forward)
    monkeypatch.setattr(cell, "step_backward", backward)
    both_ways(cell, "f")
    assert elsewhere == 40 * [False]                                # 20 steps in each direction


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


# ---- vanished gradients become exact zeros


def contraction(scale, T=64, dtype=np.float64):
    """∂L/∂h_t = scale^{T-t} exactly: a linear network with W = scale · I."""
    cell, n = Elman(Identity()), 2
    w = SimpleNamespace(W=(scale * np.identity(n)).astype(dtype))
    return cell, unroll.forward(cell, np.zeros((T, 1, n), dtype), (np.zeros((1, n), dtype),), w), w


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_vanished_gradient_becomes_exact_zeros(dtype):
    cell, tape, w = contraction(1e-8, dtype=dtype)
    dA = np.full((64, 1, 2), np.nan, dtype)
    (dh0,), _, _ = unroll.backward(cell, np.ones((1, 1, 2), dtype), tape, w, dA.__setitem__)
    assert not dh0.any()
    assert not dA[:-48].any()              # 1e-8 sixteen times over is below every dtype's range after three segments


def test_a_nan_stays_a_nan():
    cell, tape, w = contraction(1e-30)
    dH = np.array([[[np.nan, 1.0]]])
    (dh0,), _, _ = unroll.backward(cell, dH, tape, w, lambda steps, dA: None)
    assert np.isnan(dh0).any()


def test_a_nan_stays_a_nan_next_to_vanished_entries():
    d = np.array([np.nan, 1e-320])
    assert np.isnan(unroll._flush(d)[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_a_gradient_that_has_not_vanished_is_unchanged_bit_for_bit(dtype):
    tiny = np.finfo(dtype).tiny
    d = np.array([1e9 * tiny, -0.0, tiny / 4, -3.5 * tiny, 0.0, -1e-3], dtype)
    for part in (d, d[:-1], d[2:]):                                 # the last begins with one that has vanished
        assert unroll._flush(part).dtype == dtype
        assert unroll._flush(part).tobytes() == part.tobytes()


@pytest.mark.parametrize("T", LENGTHS)
def test_flushing_changes_no_bit_where_nothing_vanishes(T, monkeypatch):
    cell, p, rng = elman_problem(T)
    dH = rng.standard_normal((T, 3, 4))
    flushed = backward(cell, p, dH)
    monkeypatch.setattr(unroll, "_flush", lambda d: d)
    for name, d in backward(cell, p, dH).items():
        assert d.tobytes() == flushed[name].tobytes(), name


# ---- evaluation


@pytest.mark.parametrize("cell", [Elman(), LSTM()], ids=["elman", "lstm"])
def test_evaluation_keeps_nothing_and_gives_the_same_states(cell):
    rng = np.random.default_rng(4)
    A, W = rng.standard_normal((20, *cell.shape(2, 3))), rng.standard_normal((len(cell.gates) * 3, 3))
    state = tuple(rng.standard_normal((2, 2, 3)))[: cell.states]
    w = step_matrices(cell, {"W": W}, 2)
    kept, dropped = (unroll.forward(cell, A.copy(), state, w, keep) for keep in (True, False))
    assert len(kept.caches) == 20
    assert dropped.caches == []
    for a, b in zip(kept.states, dropped.states, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", [Elman(), LSTM()], ids=["elman", "lstm"])
def test_backward_may_be_run_twice_on_one_tape(cell):
    """A step changes neither the tape nor its arguments."""
    rng = np.random.default_rng(5)
    A, W = rng.standard_normal((18, *cell.shape(2, 3))), rng.standard_normal((len(cell.gates) * 3, 3))
    state, w = tuple(rng.standard_normal((2, 2, 3)))[: cell.states], step_matrices(cell, {"W": W}, 2)
    tape = unroll.forward(cell, A, state, w)
    dH = rng.standard_normal((18, 2, 3))
    kept = dH.copy()
    first, second = (unroll.backward(cell, dH, tape, w, lambda s, d: None) for _ in range(2))
    np.testing.assert_array_equal(dH, kept)
    np.testing.assert_array_equal(first[1]["W"], second[1]["W"])
    for a, b in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(a, b)


class Asked:
    """A, handed out a segment at a time, with what was asked for."""

    def __init__(self, A):
        self.A, self.asked = A, []

    def __len__(self):
        return len(self.A)

    def __getitem__(self, steps):
        self.asked.append((steps.start, steps.stop))
        return self.A[steps].copy()


@pytest.mark.parametrize("T", [1, unroll.SEGMENT, 2 * unroll.SEGMENT + 3])
def test_a_is_asked_for_segment_by_segment_and_the_states_are_the_same(T):
    rng = np.random.default_rng(0)
    A, w = rng.standard_normal((T, 2, 3)), SimpleNamespace(W=rng.standard_normal((3, 3)))
    asked, state = Asked(A), (rng.standard_normal((2, 3)),)
    found = unroll.forward(Elman(), asked, state, w)
    np.testing.assert_array_equal(found.states[0], unroll.forward(Elman(), A.copy(), state, w).states[0])
    assert asked.asked == [(s.start, s.stop) for s in unroll.segments(T)]
    assert [t for steps in unroll.segments(T) for t in range(T)[steps]] == [*range(T)]
