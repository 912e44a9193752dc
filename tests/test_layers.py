"""Layers: what each computes, in small numbers that can be followed by hand, and what it refuses."""

import numpy as np
import oracles
import pytest

from minirnn.cells import LSTM, Elman
from minirnn.errors import UsageError
from minirnn.layers import Dropout, Embedding, Linear, OneHot, Recurrent
from minirnn.parametrizations import Dense, ExpMap
from minirnn.paths import join


def recurrent(cell=None, n=4, m=3, W=None, seed=0):
    cell, rng = cell or Elman(), np.random.default_rng(seed)
    G = len(cell.gates)
    W = W or Dense(rng.standard_normal((G * n, n)) / np.sqrt(n))
    return Recurrent(cell, Dense(rng.standard_normal((G * n, m))), rng.standard_normal(G * n), W=W)


def test_linear_multiplies_column_vectors_as_the_papers_write_it():
    layer = Linear(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([10.0, 20.0, 30.0]))
    Y, _ = layer.forward(np.array([[[1.0, -1.0]]]))
    assert Y.tolist() == [[[9.0, 19.0, 29.0]]]


def test_linear_sums_its_gradients_over_all_positions():
    layer = Linear(np.array([[1.0, 2.0]]), np.zeros(1))
    X = np.arange(8.0).reshape(2, 2, 2)
    dX, grads = layer.backward(np.ones((2, 2, 1)), X)
    assert grads["W"].tolist() == [[0.0 + 2 + 4 + 6, 1.0 + 3 + 5 + 7]]
    assert grads["b"].tolist() == [4.0]
    assert dX.tolist() == [[[1.0, 2.0]] * 2] * 2


def test_linear_conjugates_where_it_must():
    """⟨dY, W X⟩ = ⟨Wᴴ dY, X⟩ for complex numbers."""
    rng = np.random.default_rng(0)
    W, X, dY = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((3, 2), (4, 2), (4, 3)))
    layer = Linear(W, np.zeros(3))
    dX, grads = layer.backward(dY, X)
    assert np.vdot(dY, X @ W.T) == pytest.approx(np.vdot(dX, X))
    assert np.vdot(dY, X @ W.T) == pytest.approx(np.vdot(grads["W"], W))


def test_one_hot_is_the_indicator_of_the_symbol():
    X, _ = OneHot(4).forward(np.array([[2, 0], [3, 2]]))
    assert X.argmax(-1).tolist() == [[2, 0], [3, 2]]
    assert X.sum() == 4
    assert set(X.ravel()) == {0.0, 1.0}


def test_one_hot_follows_the_dtype_of_its_buffer():
    layer = OneHot(4)
    layer.buffers["ones"] = layer.buffers["ones"].astype(np.float32)
    assert layer.forward(np.array([[1]]))[0].dtype == np.float32


def test_embedding_adds_up_what_repeated_symbols_receive():
    layer, x = Embedding(np.zeros((4, 2))), np.array([[1, 3], [1, 1]])
    dX = np.arange(8.0).reshape(2, 2, 2)
    _, grads = layer.backward(dX, x)
    dense = grads["E"].dense(layer.params["E"])
    assert dense.tolist() == [[0, 0], [0.0 + 4 + 6, 1.0 + 5 + 7], [0, 0], [2, 3]]


def test_embedding_reads_rows():
    E = np.arange(8.0).reshape(4, 2)
    assert Embedding(E).forward(np.array([[3, 1]]))[0].tolist() == [[[6.0, 7.0], [2.0, 3.0]]]


# ---- dropout


def test_dropout_without_rng_returns_its_argument_itself():
    X = np.ones((3, 2, 4))
    assert Dropout(0.5).forward(X, None)[0] is X


def test_dropout_at_rate_zero_draws_no_random_number():
    rng = np.random.default_rng(0)
    Dropout(0).forward(np.ones((3, 2, 4)), rng)
    assert rng.random() == np.random.default_rng(0).random()


def test_dropout_scales_what_it_keeps_so_that_the_mean_stays():
    Y, _ = Dropout(0.2).forward(np.ones((100, 10, 100)), np.random.default_rng(0))
    assert np.unique(Y).tolist() == [0.0, 1 / 0.8]
    assert np.mean(Y) == pytest.approx(1, abs=4 * np.sqrt(0.25 / Y.size))    # four standard deviations


def test_dropout_sends_back_through_the_same_mask():
    layer, X = Dropout(0.5), np.ones((5, 4, 3))
    Y, cache = layer.forward(X, np.random.default_rng(0))
    np.testing.assert_array_equal(layer.backward(np.ones_like(X), cache)[0], Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_keeps_the_dtype(dtype):
    Y, mask = Dropout(0.3).forward(np.ones((5, 4, 3), dtype), np.random.default_rng(0))
    assert (Y.dtype, mask.dtype) == (dtype, dtype)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_refuses_what_is_no_probability_of_dropping(rate):
    with pytest.raises(UsageError, match=r"dropout must lie in \[0, 1\)"):
        Dropout(rate)


# ---- recurrent


@pytest.mark.parametrize("T", [1, 16, 17, 40])
def test_recurrent_layer_equals_literal_bptt(T):
    layer, rng = recurrent(), np.random.default_rng(1)
    X, h0, dH = rng.standard_normal((T, 2, 3)), rng.standard_normal((2, 4)), rng.standard_normal((T, 2, 4))
    H, last, tape = layer.forward(X, (h0,))
    dX, grads = layer.backward(dH, tape)
    p = (layer.U.params[""], layer.matrices["W"].params[""], layer.params["b"])
    _, h = oracles.elman(X, *p, h0, "tanh")
    wanted = oracles.elman_bptt(X, *p, h0, "tanh", dH)
    np.testing.assert_allclose(H, h[1:], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(last[0], h[-1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(dX, wanted["X"], rtol=1e-11, atol=1e-13)
    for name in ("U", "W", "b"):
        np.testing.assert_allclose(grads[name], wanted[name], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("cell", [Elman, LSTM])
def test_the_default_state_is_zero(cell):
    layer, X = recurrent(cell()), np.random.default_rng(1).standard_normal((5, 2, 3))
    zeros = tuple(np.zeros((2, 4)) for _ in range(cell.states))
    np.testing.assert_array_equal(layer.forward(X)[0], layer.forward(X, zeros)[0])


def test_the_input_and_the_carried_state_are_left_as_they_were():
    layer, rng = recurrent(LSTM()), np.random.default_rng(1)
    X, state = rng.standard_normal((5, 2, 3)), tuple(rng.standard_normal((2, 2, 4)))
    copies = X.copy(), *(s.copy() for s in state)
    _, _, tape = layer.forward(X, state)
    layer.backward(np.ones((5, 2, 4)), tape)
    for now, before in zip((X, *state), copies, strict=True):
        np.testing.assert_array_equal(now, before)


def test_nobody_pays_for_an_input_gradient_that_nobody_asked_for():
    layer, X = recurrent(), np.ones((5, 2, 3))
    _, _, tape = layer.forward(X)
    with_dX, without = (layer.backward(np.ones((5, 2, 4)), tape, asked) for asked in (True, False))
    assert without[0] is None
    for name, d in with_dX[1].items():
        np.testing.assert_array_equal(d, without[1][name])


def test_gradients_bear_the_names_of_the_parametrizations_parameters():
    layer = recurrent(W=ExpMap(np.zeros((4, 4))))
    _, _, tape = layer.forward(np.ones((5, 2, 3)))
    assert set(layer.backward(np.ones((5, 2, 4)), tape)[1]) == {"U", "b", "W.A"}


@pytest.mark.parametrize(
    ("U", "b", "W", "sentence"),
    [
        ((8, 3), (8,), (4, 4), r"a matrix W of shape \(8, 8\) \(got \(4, 4\)\)"),
        ((4, 3), (5,), (4, 4), r"one entry per row of U, \(4,\) \(got \(5,\)\)"),
        ((4, 3), (4,), (4, 5), r"a matrix W of shape \(4, 4\) \(got \(4, 5\)\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_at_construction(U, b, W, sentence):
    with pytest.raises(UsageError, match=sentence):
        Recurrent(Elman(), Dense(np.ones(U)), np.ones(b), W=Dense(np.ones(W)))


@pytest.mark.parametrize("matrices", [{}, {"V": Dense(np.ones((4, 4)))}])
def test_a_missing_or_foreign_matrix_is_refused_at_construction(matrices):
    with pytest.raises(UsageError, match=r"Elman needs the matrices \['W'\]"):
        Recurrent(Elman(), Dense(np.ones((4, 3))), np.ones(4), **matrices)


@pytest.mark.parametrize(("prefix", "name", "path"), [("a", "b", "a.b"), ("a", "", "a"), ("", "b", "b"), ("", "", "")])
def test_an_empty_name_stands_for_its_owner(prefix, name, path):
    assert join(prefix, name) == path
