"""A trained initial state: one vector for all examples, that learns only where a sequence starts from it."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.random import default_rng

from minirnn import catalog
from minirnn.cells import LSTM, Elman
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import gru, lstm, rnn, ugru
from minirnn.optimizers import SGD, Optimizer
from minirnn.parametrizations import Dense

X = default_rng(0).standard_normal((7, 3, 2))
DH = default_rng(1).standard_normal((7, 3, 4))


def layer(cell, h0=None):
    G, rng = len(cell.gates), default_rng(2)
    U, b, W = (rng.standard_normal(shape) for shape in ((G * 4, 2), (G * 4,), (G * 4, 4)))
    return Recurrent(cell, Dense(U), b, h0=h0, W=Dense(W / 2))


def h0_of(cell):
    return tuple(default_rng(3).standard_normal((2, 4)))[: cell.states]


CELLS = pytest.mark.parametrize("cell", [Elman(), LSTM()], ids=["elman", "lstm"])


@CELLS
def test_every_example_starts_from_the_trained_state(cell):
    h0 = h0_of(cell)
    H, last, _ = layer(cell, h0).forward(X)
    wanted, wanted_last, _ = layer(cell).forward(X, tuple(np.broadcast_to(h, (3, 4)) for h in h0))
    np.testing.assert_array_equal(H, wanted)
    for a, b in zip(last, wanted_last, strict=True):
        np.testing.assert_array_equal(a, b)


@CELLS
def test_its_gradient_is_the_sum_over_the_examples(cell):
    """One example after the other, with the same h0, gives the parts of the sum."""
    trained = layer(cell, h0_of(cell))
    _, whole = trained.backward(DH, trained.forward(X)[2])
    parts = [trained.backward(DH[:, [s]], trained.forward(X[:, [s]])[2])[1] for s in range(3)]
    assert ("c0" in whole) == (cell.states == 2)
    for name, d in whole.items():
        np.testing.assert_allclose(d, sum(part[name] for part in parts), rtol=1e-12, atol=1e-13)


@CELLS
def test_a_carried_state_is_a_value_and_gives_it_no_gradient(cell):
    trained = layer(cell, h0_of(cell))
    state = tuple(default_rng(4).standard_normal((3, 4)) for _ in range(cell.states))
    H, _, tape = trained.forward(X, state)
    _, grads = trained.backward(DH, tape)
    np.testing.assert_array_equal(H, layer(cell).forward(X, state)[0])
    for name in ("h0", "c0")[: cell.states]:
        assert grads[name].shape == (4,)
        assert not grads[name].any()
    assert grads["W"].all()


def test_without_it_the_initial_state_is_zero_and_no_parameter():
    plain = layer(LSTM())
    assert set(plain.params) == {"b"}
    assert not any(s.any() for s in plain.initial_state(3, X))


@pytest.mark.parametrize("h0", [(), (np.zeros(4),), (np.zeros(4), np.zeros(3)), (np.zeros(4),) * 3])
def test_an_initial_state_that_does_not_fit_is_refused(h0):
    with pytest.raises(UsageError, match="an initial state of LSTM has the shapes"):
        layer(LSTM(), h0)


@pytest.mark.parametrize("build", [rnn, lstm, gru, ugru], ids=lambda build: build.__name__)
def test_models_offer_it_for_every_layer(build):
    plain, trained = (build(3, 2, 4, rng=default_rng(0), layers=2, train_h0=on) for on in (False, True))
    names = {f"rnn.{k}.{name}" for k in range(2) for name in ("h0", "c0")[: plain.layers[0].cell.states]}
    assert set(trained.params) - set(plain.params) == names
    x = default_rng(1).standard_normal((5, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(plain.forward(x)[0], trained.forward(x)[0])
    assert all(trained.params[name].dtype == np.float32 for name in names)


@pytest.mark.parametrize("name", ["irnn", "network", "urnn-exp", "urnn", "scornn"])
def test_every_zoo_model_accepts_it(name):
    model = catalog.find("models", name)(3, 2, 4, rng=default_rng(0), train_h0=True)
    assert "rnn.0.h0" in model.params


def test_a_network_that_sees_nothing_learns_through_its_initial_state_alone():
    """Zero input, W = 0 is no obstacle to h0: with everything else held fixed, the loss falls along h̄0."""
    model = rnn(2, 3, 4, rng=default_rng(0), train_h0=True, dtype=np.float64)
    x, y, loss = np.zeros((4, 2, 2)), np.zeros((4, 2), int), SoftmaxCrossEntropy()
    batch = SimpleNamespace(y=y, mask=None)
    optimizer = Optimizer({"rnn.0.h0": model.params["rnn.0.h0"]}, [("*", SGD(0.5))])
    values = []
    for _ in range(5):
        out, _, tape = model.forward(x)
        value, cache = loss.forward(out, batch)
        values.append(value)
        grads = model.backward(loss.backward(cache), tape)
        optimizer.step({"rnn.0.h0": model.params["rnn.0.h0"]}, grads)
    assert np.all(np.diff(values) < 0)
