"""Where the loop puts its results, and what it is spared, changes no bit of them."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_loops import normal

from minirnn import catalog, unroll
from minirnn.activations import ReLU
from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.gates import step_matrices

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


# ---- steps that are not read, states that are not kept, inputs that come in segments


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
