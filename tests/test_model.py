"""Models: the names of everything; what dropout, depth and state mean, and the gradient down to the input."""

import numpy as np
import pytest
from small_models import INPUTS, LOSS, data, every_input, every_model, gradients, make

from minirnn.layers import Embedding
from minirnn.models import irnn, lstm, network, rnn, urnn_exp

# ---- names


def test_parameters_are_named_by_their_paths():
    assert set(make(lstm, symbols=True, embedding_size=2, layers=2).params) == {
        "embedding.E", "rnn.0.U", "rnn.0.W", "rnn.0.b", "rnn.1.U", "rnn.1.W", "rnn.1.b", "readout.W", "readout.b",
    }
    assert set(make(urnn_exp).params) == {"rnn.0.U", "rnn.0.W.A", "rnn.0.b", "readout.W", "readout.b"}


def test_buffers_are_not_parameters():
    model = make(symbols=True)
    assert set(model.buffers) == {"encoder.ones"}
    assert not set(model.buffers) & set(model.params)


def test_params_are_the_arrays_themselves():
    model = make()
    model.params["readout.b"][...] = 7
    y, _, _ = model.forward(np.zeros((1, 1, 3)))
    assert (model.params["readout.b"] == 7).all()
    assert np.abs(y - 7).max() < 3


def test_size_counts_the_trained_numbers():
    assert make(rnn).size == 5 * 3 + 5 * 5 + 5 + 4 * 5 + 4


# ---- what the pieces mean


@every_model
def test_the_generator_alone_decides_the_initial_weights(build):
    a, b, c = (make(build, seed=seed).params for seed in (1, 1, 2))
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)
    assert any((a[name] != c[name]).any() for name in a)


@every_input
def test_evaluation_is_deterministic_and_ignores_dropout(options):
    x, _ = data(options)
    plain, dropping = make(dropout=0.0, **options), make(dropout=0.5, **options)
    y, again = dropping.forward(x)[0], dropping.forward(x)[0]
    np.testing.assert_array_equal(y, again)
    np.testing.assert_array_equal(y, plain.forward(x)[0])


def test_dropout_is_drawn_from_the_given_generator_alone():
    model, (x, _) = make(dropout=0.5), data({})
    a, b, c = (model.forward(x, rng=np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_gradients_with_dropout_are_those_of_the_drawn_network():
    model, (x, batch) = make(dropout=0.4, layers=2), data({})

    def value():
        return gradients(model, x, batch, rng=np.random.default_rng(3))

    _, grads = value()
    for name, p in model.params.items():
        index = tuple(s // 2 for s in p.shape)
        kept = p[index]
        losses = []
        for h in (1e-6, -1e-6):
            p[index] = kept + h
            losses.append(value()[0])
        p[index] = kept
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(grads[name][index], abs=1e-8), name


def test_the_readout_of_the_last_steps_is_the_end_of_the_readout_of_all():
    model, (x, _) = make(layers=2), data({})
    np.testing.assert_array_equal(model.forward(x, read=2)[0], model.forward(x)[0][-2:])


@pytest.mark.parametrize("build", [rnn, lstm, urnn_exp, irnn, network])
def test_a_carried_state_continues_the_sequence(build):
    model, (x, _) = make(build, layers=2), data({}, T=20)
    whole, last, _ = model.forward(x)
    first, state, _ = model.forward(x[:13])
    second, end, _ = model.forward(x[13:], state)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-12, atol=1e-13)
    for a, b in zip(last, end, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_a_stack_feeds_the_states_of_one_layer_to_the_next():
    model, (x, _) = make(layers=3), data({})
    X = x
    for layer in model.layers:
        X, _, _ = layer.forward(X)
    np.testing.assert_array_equal(model.forward(x)[0], model.readout.forward(X)[0])
    assert [layer.U.matrix()[0].shape for layer in model.layers] == [(5, 3), (5, 5), (5, 5)]


def test_evaluation_without_a_tape_gives_the_same_prediction():
    model, (x, _) = make(lstm, layers=2), data({})
    np.testing.assert_array_equal(model.forward(x, keep=False)[0], model.forward(x)[0])


@pytest.mark.parametrize("build", [rnn, lstm])
@pytest.mark.parametrize("read", [None, 2])
def test_input_gradient_is_the_finite_difference_of_the_loss(build, read):
    model, (x, batch) = make(build, layers=2), data({})
    batch.y = batch.y if read is None else batch.y[-read:]

    def value():
        return LOSS.forward(model.forward(x, read=read)[0], batch)[0]

    y, _, tape = model.forward(x, read=read)
    dx = model.input_gradient(LOSS.backward(LOSS.forward(y, batch)[1]), tape)
    assert dx.shape == x.shape
    numeric = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        losses = []
        for h in (1e-5, -1e-5):
            x[index] = kept + h
            losses.append(value())
        x[index] = kept
        numeric[index] = (losses[0] - losses[1]) / 2e-5
    assert np.max(np.abs(dx - numeric)) <= 1e-7 * np.max(np.abs(dx))


@pytest.mark.parametrize("options", [INPUTS["one-hot"], INPUTS["embedding"]], ids=["one-hot", "embedding"])
def test_input_gradient_of_symbols_is_that_of_their_vectors(options):
    """The embedding's gradient is the sum of the input gradient over the places of each symbol."""
    model, (x, batch) = make(**options), data(options)
    y, _, tape = model.forward(x)
    dy = LOSS.backward(LOSS.forward(y, batch)[1])
    dx = model.input_gradient(dy, tape)
    assert dx.shape == (*x.shape, 2 if isinstance(model.encoder, Embedding) else 3)
    if isinstance(model.encoder, Embedding):
        dE = model.backward(dy, tape)["embedding.E"].dense(model.params["embedding.E"])
        np.testing.assert_allclose(dE, [dx[x == s].sum(0) for s in range(3)], rtol=1e-12, atol=1e-15)


def test_backward_does_not_change_the_model_or_the_tape():
    model, (x, batch) = make(lstm, layers=2), data({})
    before = {name: p.copy() for name, p in model.params.items()}
    y, _, tape = model.forward(x)
    dy = LOSS.backward(LOSS.forward(y, batch)[1])
    first, second = model.backward(dy, tape), model.backward(dy, tape)
    for name, p in model.params.items():
        np.testing.assert_array_equal(p, before[name])
        np.testing.assert_array_equal(first[name], second[name])
