"""Adding: the target against a literal sum, the marks and values against their laws."""

import numpy as np
import pytest
from scipy import stats

from minirnn.errors import UsageError
from minirnn.tasks.adding import Adding


@pytest.mark.parametrize("T", [2, 3, 20, 101])
def test_the_target_is_the_sum_of_the_two_marked_values(T):
    batch = Adding(T).batch("train", 50, 0, 0)
    assert batch.x.shape == (T, 50, 2)
    assert batch.y.shape == (1, 50, 1)
    for b in range(50):
        marked = [t for t in range(T) if batch.x[t, b, 1] == 1]
        assert len(marked) == 2
        assert marked[0] < T // 2 <= marked[1]
        assert sorted(set(batch.x[:, b, 1])) in ([0, 1], [1])       # T = 2: both steps are marked
        assert batch.y[0, b, 0] == batch.x[marked[0], b, 0] + batch.x[marked[1], b, 0]


def test_marks_are_uniform_in_their_halves_and_independent():
    batch = Adding(11).batch("train", 20_000, 1, 0)
    counts = batch.x[..., 1].sum(axis=1)
    assert stats.chisquare(counts[:5]).pvalue > 1e-3
    assert stats.chisquare(counts[5:]).pvalue > 1e-3
    first, second = batch.x[:5, :, 1].argmax(axis=0), batch.x[5:, :, 1].argmax(axis=0)
    table = np.zeros((5, 6))
    np.add.at(table, (first, second), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_values_are_uniform_on_the_unit_interval():
    values = Adding(10).batch("train", 5_000, 2, 0).x[..., 0]
    assert values.min() >= 0
    assert values.max() < 1
    assert stats.kstest(values.ravel(), "uniform").pvalue > 1e-3


def test_the_sum_has_mean_one_and_variance_one_sixth():
    y = Adding(10).batch("train", 40_000, 3, 0).y.astype(np.float64)
    assert abs(y.mean() - 1) < 4 * np.sqrt(1 / 6 / y.size)
    assert abs(y.var() - 1 / 6) < 4 * np.sqrt(7 / 180 / y.size)     # Var (s − 1)² = 1/15 − 1/36
    assert Adding(10).baseline() == {"loss": 1 / 6, "mse": 1 / 6}


@pytest.mark.parametrize("length", [1, 0, -2, None])
def test_a_sequence_without_two_halves_is_refused(length):
    with pytest.raises(UsageError, match=r"^length must be a whole number from 2 to .*\(got .*\).*set length"):
        Adding(length)


@pytest.mark.parametrize(("T", "markers", "first", "second"), [
    (200, "halves", (0, 99), (100, 199)), (200, "scornn", (0, 98), (99, 199)),
    (11, "halves", (0, 4), (5, 10)), (11, "scornn", (0, 4), (5, 10)), (3, "scornn", (0, 0), (1, 2)),
])
def test_each_mark_reaches_both_ends_of_its_published_range(T, markers, first, second):
    m = Adding(T, markers).batch("train", 20_000, 0, 0).x[..., 1]
    assert (m.sum(axis=0) == 2).all()
    places = np.argmax(m, axis=0), T - 1 - np.argmax(m[::-1], axis=0)
    assert [(p.min(), p.max()) for p in places] == [first, second]
    for (low, high), p in zip((first, second), places, strict=True):
        if high > low:
            assert stats.chisquare(np.bincount(p - low, minlength=high - low + 1)).pvalue > 1e-3


@pytest.mark.parametrize("markers", ["half", "", None, 2])
def test_unknown_marker_ranges_are_refused(markers):
    with pytest.raises(UsageError, match=r"^markers must be one of halves, scornn \(got .*\); set markers"):
        Adding(20, markers)


def test_two_steps_are_too_few_for_uneven_parts():
    with pytest.raises(UsageError, match="length must be a whole number from 3"):
        Adding(2, "scornn")
