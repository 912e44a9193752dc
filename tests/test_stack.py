"""A gated matrix made of parts: the same as the parts one by one, whether they are arrays or operators."""

import numpy as np
import pytest
from numpy.random import default_rng
from strict_array import StrictDevice

from minirnn import backend
from minirnn.cells import GRU, LSTM
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error, outer_sum
from minirnn.model import walk
from minirnn.models import network
from minirnn.operators import Operator
from minirnn.optimizers import SGD, Optimizer
from minirnn.parametrizations import BasedExpMap, Dense, Diagonal, ExpMap, Orthogonal, Stack

N = 4


def parts(rng):
    """An orthogonal part, a dense one of two blocks, a diagonal one."""
    draw = rng.standard_normal
    return {"i": ExpMap(draw((N, N))), "fg": Dense(draw((2 * N, N))), "o": Diagonal(draw((1, N)))}


def dense(W):
    return W.dense() if isinstance(W, Operator) else W


def gradients(stack, dZ, H):
    W, cache = stack.matrix()
    return stack.pullback(outer_sum(W, dZ, H), cache)


def test_rows_of_the_stack_are_the_parts_in_order():
    made = parts(default_rng(0))
    wanted = np.concatenate([dense(part.matrix()[0]) for part in made.values()])
    np.testing.assert_allclose(dense(Stack(made).matrix()[0]), wanted)
    arrays = [made["i"], made["fg"]]
    np.testing.assert_array_equal(Stack(arrays).matrix()[0], wanted[: 3 * N])


def test_a_stack_of_operators_multiplies_as_its_dense_matrix_does():
    W = Stack(parts(default_rng(0))).matrix()[0]
    H, dZ = default_rng(1).standard_normal((5, 3, N)), default_rng(2).standard_normal((5, 3, 4 * N))
    assert isinstance(W, Operator)
    np.testing.assert_allclose(H @ W.T, H @ W.dense().T)
    np.testing.assert_allclose(dZ @ W.conj(), dZ @ W.dense())


def test_each_part_receives_the_gradient_of_its_own_rows():
    made = parts(default_rng(0))
    H, dZ = default_rng(1).standard_normal((6, N)), default_rng(2).standard_normal((6, 4 * N))
    rows = {"i": slice(0, N), "fg": slice(N, 3 * N), "o": slice(3 * N, 4 * N)}
    wanted = {}
    for name, part in made.items():
        W, cache = part.matrix()
        found = part.pullback(outer_sum(W, dZ[:, rows[name]], H), cache)
        wanted |= {f"{name}.{own}" if own else name: d for own, d in found.items()}
    found = gradients(Stack(made), dZ, H)
    assert set(found) == set(wanted) == {"i.A", "fg", "o"}
    for name, d in wanted.items():
        np.testing.assert_allclose(found[name], d, rtol=1e-12)


def test_segments_add_up_to_the_whole():
    """A gradient formed in two segments of the time loop and added is that of all steps."""
    stack = Stack(parts(default_rng(0)))
    H, dZ = default_rng(1).standard_normal((6, N)), default_rng(2).standard_normal((6, 4 * N))
    W, cache = stack.matrix()
    halves = 0 + outer_sum(W, dZ[:2], H[:2]) + outer_sum(W, dZ[2:], H[2:])
    whole = gradients(stack, dZ, H)
    for name, d in stack.pullback(halves, cache).items():
        np.testing.assert_allclose(d, whole[name], rtol=1e-12)


def test_a_list_of_parts_is_numbered():
    stack = Stack([ExpMap(np.zeros((N, N))), Dense(np.zeros((N, N)))])
    assert [path for path, part in walk("rnn.0.W", stack) if part.params] == ["rnn.0.W.0", "rnn.0.W.1"]
    assert set(gradients(stack, np.ones((2, 2 * N)), np.ones((2, N)))) == {"0.A", "1"}


def lstm(stack):
    rng = default_rng(3)
    U, b = Dense(rng.standard_normal((4 * N, 2))), rng.standard_normal(4 * N)
    return Recurrent(LSTM(), U, b, W=stack)


def test_an_lstm_on_a_stack_is_the_lstm_on_its_dense_matrix():
    """Forward states and input gradients, over more than one segment."""
    stack = Stack(parts(default_rng(0)))
    X, dH = default_rng(1).standard_normal((20, 3, 2)), default_rng(2).standard_normal((20, 3, N))
    found, wanted = lstm(stack), lstm(Dense(dense(stack.matrix()[0])))
    (H, _, tape), (H_wanted, _, tape_wanted) = found.forward(X), wanted.forward(X)
    np.testing.assert_allclose(H, H_wanted, rtol=1e-11, atol=1e-13)
    (dX, grads), (dX_wanted, grads_wanted) = found.backward(dH, tape), wanted.backward(dH, tape_wanted)
    np.testing.assert_allclose(dX, dX_wanted, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grads["W.fg"], grads_wanted["W"][N : 3 * N], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grads["W.o"][0], np.diagonal(grads_wanted["W"][3 * N :]), rtol=1e-9, atol=1e-12)


def test_the_device_computes_the_same_bits_with_a_stack_and_a_trained_initial_state():
    X, dH = default_rng(1).standard_normal((20, 3, 2)).astype(np.float32), np.ones((20, 3, N), np.float32)

    def run(target):
        recurrent = lstm(Stack({"if": Diagonal(np.ones((2, N))), "go": Dense(np.ones((2 * N, N)) / N)}))
        recurrent.train_initial_state(*np.ones((2, N)))
        for _, part in walk("", recurrent):
            for name, x in part.params.items():
                part.params[name] = backend.to(x.astype(np.float32), target)
        H, _, tape = recurrent.forward(backend.to(X, target))
        return H, recurrent.backward(backend.to(dH, target), tape)[1]

    (H, grads), (H_device, grads_device) = run("numpy"), run(StrictDevice())
    np.testing.assert_array_equal(backend.to_host(H_device), H)
    for name, d in grads.items():
        assert d.dtype == np.float32
        np.testing.assert_array_equal(backend.to_host(grads_device[name]), d)


def test_parts_keep_their_buffers_manifolds_and_acts_after_an_update():
    """An Orthogonal part keeps its tag, and a re-based exponential moves its base, under their own paths."""
    model = network(3, 2, N, rng=default_rng(0), cell="gru", dtype=np.float64)
    based = BasedExpMap.sized(N, default_rng(1))
    based.params["A"][0, 1] = 0.3
    stack = Stack({"u": Orthogonal.sized(N, default_rng(1)), "r": based})
    model.layers[0].matrices["W"] = model.layers[0].children["W"] = stack
    assert [path for path in model.manifold if path.startswith("rnn.0.W.u")]
    assert [path for path in model.buffers if path.startswith("rnn.0.W.r")]
    with pytest.raises(UsageError, match="manifold"):
        Optimizer(model.params, [("*", SGD(0.1))], model.manifold)


def test_one_orthogonal_matrix_per_gate_stays_orthogonal_in_training():
    model = network(3, 2, N, rng=default_rng(0), cell="lstm", parametrization="expmap", dtype=np.float64)
    optimizer = Optimizer(model.params, [("*", SGD(0.1))], model.manifold)
    x = default_rng(1).standard_normal((6, 2, 3))
    for _ in range(3):
        y, _, tape = model.forward(x)
        optimizer.step(model.params, model.backward(y, tape))
        model.after_update()
    W = model.layers[0].matrices["W"].matrix()[0]
    for k in range(4):
        block = W[k * N : (k + 1) * N]
        assert orthogonality_error(block) < 1e-13
        assert np.max(np.abs(block - np.identity(N))) > 1e-4


@pytest.mark.parametrize("given", [[], [Dense(np.zeros((N, N))), Dense(np.zeros((N, N + 1)))]])
def test_parts_that_do_not_stack_are_refused(given):
    with pytest.raises(UsageError, match="same number of columns"):
        Stack(given)


def test_an_array_in_place_of_a_part_is_refused():
    with pytest.raises(UsageError, match="try Dense"):
        Stack([np.zeros((N, N))])


@pytest.mark.parametrize("cell", ["gru", "peephole-lstm", "lstm"])
@pytest.mark.parametrize("parametrization", ["dense", "expmap", "cayley", "diagonal", "stack"])
def test_a_free_composition_takes_any_cell_with_any_parametrization(cell, parametrization):
    model = network(3, 2, N, rng=default_rng(0), cell=cell, parametrization=parametrization)
    y, _, tape = model.forward(np.ones((3, 2, 3), np.float32))
    assert set(model.backward(np.ones_like(y), tape)) == set(model.params)


def test_a_gru_takes_an_operator_for_each_matrix():
    rng = default_rng(0)
    matrices = {"W": Stack([Diagonal(rng.standard_normal((1, N))), Dense(rng.standard_normal((N, N)))])}
    matrices["W_h"] = Diagonal(rng.standard_normal((1, N)))
    recurrent = Recurrent(GRU("before"), Dense(rng.standard_normal((3 * N, 2))), np.zeros(3 * N), **matrices)
    _, _, tape = recurrent.forward(np.ones((18, 2, 2)))
    _, grads = recurrent.backward(np.ones((18, 2, N)), tape)
    assert {name: d.shape for name, d in grads.items() if name.startswith("W")} == {
        "W.0": (1, N), "W.1": (N, N), "W_h": (1, N)
    }
