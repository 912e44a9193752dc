"""What a diagnostic is shown: the layer's own input and matrix, on the host where it asks for a matrix."""

import dataclasses
import json

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import catalog, config
from minirnn.diagnostics.base import Diagnostic, ask
from minirnn.errors import UsageError
from minirnn.operators import Operator
from minirnn.trainer import build

DIAGNOSTICS = catalog.components("diagnostics")


def subject(model="rnn", index=0, examples=3, **options):
    settings, task = config.resolve({
        "task": {"name": "recall", "length": 5},
        "model": {"name": model, "hidden_size": 6, "embedding_size": 3, **options},
    })
    return build(settings, task).subject(index, examples=examples)


def on_device(given):
    """The subject with its model and its batch on the strict device."""
    device = StrictDevice()
    return dataclasses.replace(given, model=given.model.to(device), batch=given.batch.map(device.asarray))


def test_the_second_layer_reads_what_the_first_one_says():
    below, above = subject(layers=2), subject(layers=2, index=1)
    assert above.name == "rnn.1"
    assert np.array_equal(above.X, below.layer.forward(below.X)[0])
    assert above.X.shape == (5, 3, 6)


def test_dropout_does_not_reach_what_is_measured():
    assert np.array_equal(subject(layers=2, index=1, dropout=0.5).X, subject(layers=2, index=1).X)


@pytest.mark.parametrize(("model", "gates"), [
    ("rnn", ("W",)), ("lstm", ("i", "f", "g", "o")), ("gru", ("u", "r", "c")), ("urnn", ("W",)),
])
def test_a_matrix_is_cut_into_one_square_block_per_gate(model, gates):
    found = subject(model)
    blocks = found.square_matrices()
    assert tuple(blocks) == gates
    assert np.array_equal(np.concatenate(list(blocks.values())), found.matrix())
    assert all(block.shape == (6, 6) for block in blocks.values())


def test_the_grus_candidate_has_its_own_matrix_last():
    found = subject("gru")
    assert np.array_equal(found.square_matrices()["c"], found.layer.matrices["W_h"].matrix()[0])


def test_an_operator_is_materialised():
    found = subject("sparse-rnn")
    W = found.layer.matrices["W"].matrix()[0]
    assert isinstance(W, Operator)
    h = np.arange(6, dtype=np.float32)
    assert found.matrix() @ h == pytest.approx(h @ W.T, rel=1e-6)


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_a_diagnostic_answers_in_strict_json_and_leaves_the_model_as_it_was(name):
    given = subject()
    before = {path: x.copy() for path, x in (given.model.params | given.model.buffers).items()}
    found = ask(DIAGNOSTICS[name](), given)
    assert found
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    after = given.model.params | given.model.buffers
    assert all(np.array_equal(before[path], after[path]) for path in before)
    assert all(after[path].dtype == before[path].dtype for path in before)


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_a_diagnostic_gives_the_same_answer_twice(name):
    assert ask(DIAGNOSTICS[name](), subject()) == ask(DIAGNOSTICS[name](), subject())


@pytest.mark.parametrize("model", ["rnn", "lstm", "sparse-rnn", "urnn"])
@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_a_diagnostic_on_the_device_answers_as_on_the_host(name, model):
    there, here = on_device(subject(model)), subject(model)
    assert close(answer(DIAGNOSTICS[name](), there), answer(DIAGNOSTICS[name](), here))


def answer(diagnostic, given):
    """What it measures, or the sentence that says why it does not."""
    try:
        return ask(diagnostic, given)
    except UsageError as refusal:
        return str(refusal)


def close(found, expected):
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == (pytest.approx(expected, rel=1e-5, abs=1e-6) if isinstance(expected, float) else expected)


class _Odd(Diagnostic):
    summary = "what is not a number"

    def measure(self, subject):
        return {"a": np.float32(1.5), "b": float("inf"), "c": [np.int64(2), (float("nan"), "x")]}


class _Singular(Diagnostic):
    summary = "what has no answer"

    def measure(self, subject):
        return {"x": np.linalg.solve(np.zeros((2, 2)), np.ones(2)).tolist()}


def test_what_is_not_finite_becomes_null():
    assert ask(_Odd(), subject()) == {"a": 1.5, "b": None, "c": [2, [None, "x"]]}


def test_linear_algebra_without_an_answer_is_one_sentence():
    assert answer(_Singular(), subject()) == "rnn.0 has no such numbers (singular matrix); are its parameters finite?"
