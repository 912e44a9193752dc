"""Memories of backpropagation: the same gradients, from fewer and fewer stored states."""

import numpy as np
import pytest
from memories import (
    DRIFT,
    MEMORIES,
    REVERSIBLE,
    ROUNDING,
    SETTINGS,
    B,
    T,
    assert_same,
    n,
    n_in,
    n_out,
    orthogonal,
    run,
    sequences,
    split,
)
from numpy.random import default_rng
from strict_array import StrictDevice

from minirnn import backend, bptt, catalog, models, unroll
from minirnn.gates import step_matrices
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.rows import Rows


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("build", [models.rnn, models.lstm], ids=["rnn", "lstm"])
def test_checkpoint_has_the_gradients_of_store(build, options):
    given, options = split(options)
    if options.get("tied"):
        build = lambda _, __, *args, build=build, **kwargs: build(n_out, n_out, *args, **kwargs)    # noqa: E731
    batch = sequences(**given)
    model, wanted = run("store", build, batch, **options)
    assert_same(run("checkpoint", build, batch, **options)[1], wanted, model, ROUNDING)


@pytest.mark.parametrize("build", catalog.components("models").values(), ids=catalog.components("models").keys())
def test_checkpoint_has_the_gradients_of_store_in_every_published_system(build):
    batch = sequences()
    model, wanted = run("store", build, batch)
    assert_same(run("checkpoint", build, batch)[1], wanted, model, ROUNDING)


@pytest.mark.parametrize("memory", MEMORIES)
def test_a_carried_state_is_a_value(memory):
    build, batch = orthogonal("abs"), sequences()
    state = ((default_rng(8).standard_normal((B, n)),),)
    options = {"train_h0": True, "state": state}
    model, wanted = run("store", build, batch, **options)
    _, found = run(memory, build, batch, **options)
    assert_same(found, wanted, model, DRIFT)
    assert not found.grads["rnn.0.h0"].any()


def test_the_loss_may_be_that_of_a_regression():
    batch = sequences(regression=True, read=77)
    model, wanted = run("store", models.gru, batch, loss=MeanSquaredError())
    assert_same(run("checkpoint", models.gru, batch, loss=MeanSquaredError())[1], wanted, model, ROUNDING)


# -- the states, bit for bit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", catalog.components("cells"))
def test_states_computed_again_are_the_same_bits(name):
    """No rounding comes from the second pass: it does the same operations on the same numbers."""
    cell = catalog.find("cells", name).sized(n)
    A = default_rng(0).standard_normal((64, *cell.shape(B, n)))
    shapes = {name: (rows * n, columns * n) for name, (rows, columns) in cell.matrices.items()}
    w = step_matrices(cell, {name: default_rng(1).standard_normal(shape) for name, shape in shapes.items()}, B)
    start = tuple(np.zeros((B, n)) for _ in range(cell.states))
    whole = unroll.forward(cell, A.copy(), start, w)
    again = unroll.forward(cell, A[32:].copy(), tuple(S[32] for S in whole.states), w)
    dH = default_rng(2).standard_normal((64, B, n))
    for S, piece in zip(whole.states, again.states, strict=True):
        np.testing.assert_array_equal(S[32:], piece)
    first = unroll.forward(cell, A[:32].copy(), start, w)
    wanted = unroll.backward(cell, dH, whole, w, lambda steps, dA: None)[0]
    dstate = unroll.backward(cell, dH[32:], again, w, lambda steps, dA: None)[0]
    for found, d in zip(unroll.backward(cell, dH[:32], first, w, lambda *_: None, dstate)[0], wanted, strict=True):
        np.testing.assert_array_equal(found, d)


# -- evaluation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("read", [T, 20])
@pytest.mark.parametrize("classes", [n_out, 2 * n])
def test_evaluation_says_the_same_with_every_memory(memory, read, classes):
    model = orthogonal("abs")(n_in, classes, n, rng=default_rng(0), layers=2, dropout=0.5, dtype=np.float64)
    batch = sequences(read=read)
    metrics = {"first": lambda y, batch: (np.sum(y[0]), 1)}         # one that sees where the time begins
    wanted, _ = bptt.Store().evaluate(model, SoftmaxCrossEntropy(), batch, None, metrics)
    found, last = MEMORIES[memory]().evaluate(model, SoftmaxCrossEntropy(), batch, None, metrics)
    assert found.keys() == {"loss", "first"}
    for name, pair in wanted.items():
        np.testing.assert_allclose(found[name], pair, rtol=1e-12)
    np.testing.assert_array_equal(last[1][0], model.hidden(batch.x)[1][1][0])


# -- on a device -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("activation", REVERSIBLE)
def test_a_memory_runs_on_a_device_with_the_bits_of_the_host(memory, activation):
    def model():
        return orthogonal(activation)(
            n_in, n_out, n, rng=default_rng(0), symbols=True, embedding_size=3, layers=2, dropout=0.3, train_h0=True
        )

    batch, device = sequences(symbols=True), StrictDevice()
    wanted = MEMORIES[memory]().gradients(model(), SoftmaxCrossEntropy(), batch, None, default_rng(3))
    there = batch.map(lambda x: backend.to(x, device))
    found = MEMORIES[memory]().gradients(model().to(device), SoftmaxCrossEntropy(), there, None, default_rng(3))
    assert device.to_host == 0
    for name, d in wanted.grads.items():
        if isinstance(d, Rows):                                     # the host sums repeated rows along the way
            continue
        assert backend.to_host(found.grads[name]).tobytes() == d.tobytes(), name


def test_generators_are_left_where_the_whole_sequence_leaves_them():
    after = []
    for memory in ("store", "checkpoint"):
        model, rng = models.rnn(n_in, n_out, n, rng=default_rng(1), layers=2, dropout=0.4), default_rng(5)
        MEMORIES[memory]().gradients(model, SoftmaxCrossEntropy(), sequences(read=100), None, rng)
        after.append(rng.random())
    assert after[0] == after[1]
