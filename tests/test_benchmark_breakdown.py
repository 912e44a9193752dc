"""The breakdown counts the operations that a step makes, and its parts add up; the scaling fits exponents rightly."""

import numpy as np
import pytest

from minirnn.benchmarks import breakdown, scaling
from minirnn.benchmarks.breakdown import PARTS, Noted, noted
from minirnn.benchmarks.engines import Minirnn
from minirnn.benchmarks.workloads import Workload

ELMAN = Workload("small", "", "elman", T=20, m=2, n=8, classes=3, read=20, B=4, steps=2)
WORDS = Workload("small", "", "gru", T=5, m=3, n=8, classes=11, read=5, B=4, words=True, steps=2)


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(Noted, "notes", type(Noted.notes)())
    monkeypatch.setattr(Noted, "examples", {})


@pytest.mark.parametrize("workload", [ELMAN, WORDS], ids=lambda w: w.cell)
def test_the_parts_add_up_to_the_step(workload, monkeypatch):
    monkeypatch.setattr(breakdown, "REPEAT", 3)
    found = breakdown.breakdown(workload)
    assert sum(found[part] for part in PARTS) == pytest.approx(found["step"])
    assert all(found[part] > 0 for part in PARTS if part != "rest")
    assert found["products_called"] >= 2 * workload.T               # one forward and one backward at each step


def test_operations_are_counted_by_kind_and_their_results_noted_on():
    X, W = noted(np.ones((4, 3))), np.ones((3, 3))
    Y = np.tanh(X @ W + 1)
    Y += Y * Y
    np.sum(Y, axis=0)
    names = sorted((name, method) for name, method, *_ in Noted.notes)
    assert names == [("add", "__call__"), ("add", "__call__"), ("add", "reduce"), ("matmul", "__call__"),
                     ("multiply", "__call__"), ("tanh", "__call__")]
    np.testing.assert_allclose(Y, (t := np.tanh(4.0)) + t * t)


def test_repeating_an_operation_changes_nothing():
    X = noted(np.ones(3))
    X *= 2
    (again,) = Noted.examples.values()
    again()
    again()
    np.testing.assert_array_equal(X, [2, 2, 2])


def test_noting_leaves_the_engine_as_it_was():
    engine = Minirnn(ELMAN, 1)
    plain = engine.gradients()
    with breakdown._noting(engine):
        L, grads = engine.gradients()
    assert Noted.notes
    assert plain[0] == L
    assert all(np.array_equal(grads[name], plain[1][name]) for name in grads)
    assert not any(isinstance(x, Noted) for x in [*engine.model.params.values(), engine.batch.x])
    Noted.notes.clear()
    engine.step()
    assert not Noted.notes


def test_an_exponent_is_found():
    x = np.array([1.0, 10, 100])
    assert scaling.exponent(x, 3 * x**1.5) == pytest.approx(1.5)


def test_memory_grows_with_T_as_theory_says():
    """Checkpoints: with √T at most, and more slowly as long as buffers of a fixed size are a part of so small a run."""
    exponents = {}
    for memory in ("store", "checkpoint"):
        found = [scaling.mebibytes(scaling.step(scaling.Size(T, 4, 16), memory)) for T in (256, 4096)]
        exponents[memory] = scaling.exponent((256, 4096), found)
    assert exponents["store"] == pytest.approx(1, abs=0.05)
    assert 0.2 < exponents["checkpoint"] < 0.55


@pytest.mark.parametrize("series", scaling.SERIES, ids=lambda s: s.title)
def test_every_series_spans_two_decades_of_networks_that_can_be_built(series):
    assert series.values[-1] >= 99 * series.values[0]
    smallest = series.sizes()[0]
    scaling.step(smallest, series.memory)()
