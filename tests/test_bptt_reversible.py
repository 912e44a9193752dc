"""Backpropagation that undoes its steps: the gradients of stored states, errors that hardly grow, and who may."""

from types import SimpleNamespace

import numpy as np
import pytest
from memories import DRIFT, REVERSIBLE, SETTINGS, T, assert_same, n, n_in, n_out, orthogonal, run, sequences, split
from numpy.random import default_rng

from minirnn import bptt, catalog, unroll
from minirnn.activations import Abs
from minirnn.bptt import reversible
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error
from minirnn.models import network

ORTHOGONAL = [name for name, p in catalog.components("parametrizations").items() if p.orthogonal]


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
