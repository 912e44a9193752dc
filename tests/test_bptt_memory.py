"""Memories of backpropagation: the same gradients, from fewer and fewer stored states."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.random import default_rng
from strict_array import StrictDevice

from minirnn import backend, bptt, catalog, models, unroll
from minirnn.activations import OPLU, Abs, Identity
from minirnn.bptt import reversible
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.gates import step_matrices
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.models import network
from minirnn.rows import Rows
from minirnn.tasks.base import Batch

MEMORIES = catalog.components("memories")
T, B, n_in, n_out, n = 150, 3, 4, 5, 6       # ten pieces for checkpoint, three for reversible


def sequences(seed=0, symbols=False, read=T, mask=True, regression=False):
    rng = default_rng(seed)
    x = rng.integers(0, n_in, (T, B)) if symbols else rng.standard_normal((T, B, n_in))
    y = rng.standard_normal((read, B, n_out)) if regression else rng.integers(0, n_out, (read, B))
    counts = rng.random((read, B)) < 0.7
    if mask == "in the middle":
        counts[:40] = counts[-40:] = False                          # whole pieces are asked nothing
    return Batch(x, y, counts.astype(np.int64) if mask else None)


def run(memory, build, batch, *, state=None, rng=5, loss=None, **options):
    model = build(n_in, n_out, n, rng=default_rng(1), dtype=np.float64, **options)
    loss = SoftmaxCrossEntropy() if loss is None else loss
    return model, MEMORIES[memory]().gradients(model, loss, batch, state, None if rng is None else default_rng(rng))


def assert_same(found, wanted, model, limit):
    """`limit` bounds the error of each gradient in parts of its largest entry."""
    np.testing.assert_allclose(found.total, wanted.total, rtol=limit)
    assert found.count == wanted.count
    np.testing.assert_allclose(found.penalty, wanted.penalty, rtol=limit)
    for here, there in zip(found.last, wanted.last, strict=True):
        for a, b in zip(here, there, strict=True):
            np.testing.assert_array_equal(a, b)
    assert found.grads.keys() == wanted.grads.keys()
    for name, d in wanted.grads.items():
        other = found.grads[name]
        assert isinstance(other, Rows) == isinstance(d, Rows)
        d, other = (x.dense(model.params[name]) if isinstance(x, Rows) else x for x in (d, other))
        assert other.shape == d.shape
        error = np.max(np.abs(other - d))
        assert error <= limit * np.max(np.abs(d)), f"{name}: {error / np.max(np.abs(d)):.1e}"


# In float64 a sum over 450 positions that is cut elsewhere differs by some 450 u = 1e-13 of its largest term.
ROUNDING = 1e-11

SETTINGS = {
    "every step": {},
    "no mask": {"mask": False},
    "pieces without a question": {"mask": "in the middle"},
    "the last step": {"read": 1},
    "the last hundred steps": {"read": 100},
    "symbols": {"symbols": True},
    "an embedding": {"symbols": True, "embedding_size": 3},
    "two layers": {"layers": 2},
    "dropout": {"layers": 2, "dropout": 0.4, "read": 100},
    "a trained start": {"layers": 2, "train_h0": True},
    "tied": {"symbols": True, "embedding_size": n, "tied": True},
}
BATCH = ("read", "mask", "symbols")


def split(options):
    kept = {"symbols"} & options.keys()
    batch = {k: v for k, v in options.items() if k in BATCH}
    return batch, {k: v for k, v in options.items() if k not in BATCH or k in kept}


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


# -- reversible ------------------------------------------------------------------------------------------------------

REVERSIBLE = {"identity": Identity, "abs": Abs, "oplu": OPLU}
ORTHOGONAL = [name for name, p in catalog.components("parametrizations").items() if p.orthogonal]
# In float64 a step adds some u = 1e-16 of the state and a matrix is orthogonal to 1e-15; 64 to 150 steps add up.
DRIFT = 1e-11


def orthogonal(activation, parametrization="orthogonal"):
    def build(*args, **options):
        return network(*args, activation=activation, parametrization=parametrization, **options)

    return build


@pytest.mark.parametrize("options", [SETTINGS[k] for k in SETTINGS if k != "tied"])
@pytest.mark.parametrize("activation", REVERSIBLE)
def test_reversible_has_the_gradients_of_store(activation, options):
    given, options = split(options)
    build, batch = orthogonal(activation), sequences(**given)
    model, wanted = run("store", build, batch, **options)
    assert_same(run("reversible", build, batch, **options)[1], wanted, model, DRIFT)


@pytest.mark.parametrize("parametrization", ORTHOGONAL)
def test_reversible_serves_every_orthogonal_and_unitary_matrix(parametrization):
    build, batch = orthogonal("identity", parametrization), sequences()
    model, wanted = run("store", build, batch)
    bptt.Reversible().check(model)
    assert_same(run("reversible", build, batch)[1], wanted, model, DRIFT)


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_a_matrix_that_is_said_to_be_orthogonal_is(name):
    examples = catalog.find("parametrizations", name).examples(6, default_rng(0))
    for label, p in examples:
        W, _ = p.matrix()
        W = W.dense() if hasattr(W, "dense") else W
        assert orthogonality_error(W) < 1e-12, label


def test_a_matrix_that_is_not_said_to_be_orthogonal_need_not_be():
    for name, Matrix in catalog.components("parametrizations").items():
        found = [p.matrix()[0] for _, p in Matrix.examples(6, default_rng(0))]
        errors = [orthogonality_error(W.dense() if hasattr(W, "dense") else W) for W in found]
        assert Matrix.orthogonal or max(errors) > 1e-3, name


@pytest.mark.parametrize("name", REVERSIBLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_activation_is_undone_by_its_inverse_and_what_it_loses(name, dtype):
    f, z = REVERSIBLE[name](), default_rng(0).standard_normal((50, 8)).astype(dtype)
    found = f.inverse(f.forward(z), f.lost(z))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, z)


@pytest.mark.parametrize("name", ["abs", "oplu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_state_that_is_off_by_rounding_sends_the_gradient_the_same_way(name, dtype):
    """Zeros, ties and numbers on the wrong side of them: the bits decide, not the state."""
    f, rng = REVERSIBLE[name](), default_rng(0)
    z = (rng.integers(-1, 2, (200, 8)) * 1e-6).astype(dtype)
    wrong = f.forward(z) + (rng.integers(-1, 2, z.shape) * 1e-6).astype(dtype)
    dh = rng.standard_normal(z.shape).astype(dtype)
    again = f.inverse(wrong, f.lost(z))
    np.testing.assert_array_equal(f.backward(dh, again, wrong), f.backward(dh, z, f.forward(z)))
    np.testing.assert_array_equal(f.lost(again), f.lost(z))


def test_errors_of_a_reversed_network_grow_no_faster_than_the_number_of_steps():
    """‖h_t − ĥ_t‖ ≤ k (c u ‖h‖ + ‖WᴴW − I‖ ‖h‖), k the steps walked back, in single precision."""
    steps = 2000
    cell = Elman(Abs())
    W = np.linalg.qr(default_rng(0).standard_normal((32, 32)))[0].astype(np.float32)
    w, start = SimpleNamespace(W=W), (default_rng(1).standard_normal((4, 32)).astype(np.float32),)
    A = 0.01 * default_rng(2).standard_normal((steps, 4, 32)).astype(np.float32)
    tape = unroll.forward(cell, A.copy(), start, w)
    last = (tape.states[0][-1].copy(),)
    again = unroll.reverse(cell, A.copy(), last, cell.lost(tape.caches), w)
    errors = np.linalg.norm(tape.states[0] - again.states[0], axis=-1) / np.linalg.norm(tape.states[0], axis=-1)
    u = np.finfo(np.float32).eps / 2
    walked = np.arange(steps, -1, -1)[:, None]
    assert np.all(errors <= walked * (34 * u + orthogonality_error(W)) + 1e-12)
    assert np.max(errors) > 0                                       # the bits are not those of the stored states


def test_errors_start_anew_where_a_state_is_kept(monkeypatch):
    length, lasts = 16, []
    monkeypatch.setattr(reversible, "LENGTH", length)
    monkeypatch.setattr(reversible, "ANCHOR", 3)
    original = Recurrent.reverse

    def spied(self, X, last, lost, made):
        lasts.insert(0, last[0].copy())
        return original(self, X, last, lost, made)

    monkeypatch.setattr(Recurrent, "reverse", spied)
    model, _ = run("reversible", orthogonal("identity"), sequences())
    states = model.hidden(sequences().x)[0]
    exact = [np.array_equal(h, states[min((k + 1) * length, T) - 1]) for k, h in enumerate(lasts)]
    assert exact == [False, False, True, False, False, True, False, False, True, True]


@pytest.mark.parametrize(("options", "given"), [
    ({"activation": "tanh", "parametrization": "expmap"}, "Elman, Tanh, ExpMap"),
    ({"activation": "abs"}, "Elman, Abs, Dense"),
    ({"cell": "lstm", "parametrization": "expmap"}, "LSTM, Stack"),
])
def test_what_cannot_be_reversed_is_refused_in_one_sentence(options, given):
    model = network(n_in, n_out, n, rng=default_rng(0), **options)
    with pytest.raises(UsageError, match=rf"abs or oplu and an orthogonal .*\(got {given} in layer 0\); use checkpo"):
        bptt.Reversible().check(model)


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


# -- how much memory, asked in a process of its own ------------------------------------------------------------------

PEAK = """
import re, sys
import numpy as np
from minirnn import catalog, models
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.tasks.base import Batch

memory, activation, (T, B, n) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
rng = np.random.default_rng(0)
batch = Batch(rng.integers(0, 10, (T, B)), rng.integers(0, 9, (T, B)))
options = {"activation": activation, "parametrization": "expmap" if memory == "reversible" else "dense"}
model = models.network(10, 9, n, rng=rng, symbols=True, **options)
memory = catalog.find("memories", memory)()
memory.gradients(model, SoftmaxCrossEntropy(), next(batch.chunks(20)), None, None)
scores, gradient = np.ones((2, T, B, 9), np.float32)                # what a baseline holds besides the batch


def peak():                                                         # in kiB; ru_maxrss would begin with the parent's
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])


before = peak()
memory.gradients(model, SoftmaxCrossEntropy(), batch, None, None)
print(peak() - before)
"""


def peak(*words):
    """MiB of one training step above a process that holds the batch, all scores and their gradient."""
    command = [sys.executable, "-c", PEAK, *map(str, words)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(found.stdout) / 2**10


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by /proc/self/status")


@needs_proc
def test_ten_thousand_steps_of_checkpoints_fit_into_64_mib():
    assert peak("checkpoint", "tanh", 10_000, 50, 128) < 64         # storing them would take 500 and more


@needs_proc
@pytest.mark.parametrize(("memory", "activation", "most"), [
    ("checkpoint", "tanh", 4),      # 2 √T: twice as many states at four times the length, 64 kiB each
    ("reversible", "abs", 4),       # 6000 steps of 2 kiB of bits, a byte for eight units, and six anchors
    ("reversible", "identity", 2),  # six anchors
])
def test_memory_hardly_grows_with_the_number_of_steps(memory, activation, most):
    short, long = (peak(memory, activation, T, 32, 64) for T in (2000, 8000))
    assert long - short < most


@needs_proc
def test_stored_states_grow_with_the_number_of_steps():
    short, long = (peak("store", "tanh", T, 32, 64) for T in (2000, 8000))
    assert 47 < long - short < 2 * 47                               # H, 47 MiB, and no gradient of the same size
