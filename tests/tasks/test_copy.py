"""Copy: the layout against a literal transcription, and the symbols against the uniform law."""

import numpy as np
import pytest
from scipy import stats

from minirnn.errors import UsageError
from minirnn.tasks.copy import Copy


@pytest.mark.parametrize("T", [1, 2, 30, 100])
def test_layout_is_symbols_blanks_delimiter_blanks(T):
    batch = Copy(T).batch("train", 6, 0, 0)
    assert batch.x.shape == batch.y.shape == (T + 20, 6)
    for b in range(6):
        symbols = [int(s) for s in batch.x[:10, b]]
        assert all(1 <= s <= 8 for s in symbols)
        assert batch.x[:, b].tolist() == symbols + [0] * (T - 1) + [9] + [0] * 10
        assert batch.y[:, b].tolist() == [0] * (T + 10) + symbols


def test_the_delimiter_announces_the_answer_one_step_ahead():
    batch = Copy(30).batch("train", 1, 0, 0)
    (delimiter,) = np.flatnonzero(batch.x[:, 0] == 9)
    assert np.flatnonzero(batch.y[:, 0])[0] == delimiter + 1


def test_symbols_are_uniform_over_eight_and_independent_of_each_other():
    symbols = Copy(1).batch("train", 5_000, 2, 0).x[:10]
    assert stats.chisquare(np.bincount(symbols.ravel())[1:]).pvalue > 1e-3
    assert stats.chisquare(np.bincount(8 * (symbols[0] - 1) + symbols[1] - 1, minlength=64)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("T", "loss"), [(100, 0.17329), (200, 0.09452), (500, 0.03999), (1000, 0.02039), (2000, 0.01029)]
)
def test_the_baseline_is_ten_symbols_of_uniform_doubt_over_all_steps(T, loss):
    assert Copy(T).baseline() == {"loss": pytest.approx(loss, abs=5e-6), "accuracy": 1 / 8}


def test_accuracy_counts_the_ten_symbols_alone():
    task = Copy(20)
    batch = task.batch("test", 4, 0, 0)
    blanks = np.zeros((40, 4, 9))
    blanks[..., 0] = 1                              # right at 30 of 40 steps, and wrong where it matters
    assert task.metrics["accuracy"](blanks, batch) == (0, 40)
    assert task.metrics["accuracy"](np.eye(9)[batch.y], batch) == (40, 40)


@pytest.mark.parametrize("length", [0, -1, 1.5, "100"])
def test_a_lag_below_one_is_refused(length):
    with pytest.raises(UsageError, match=r"^length must be a whole number from 1 to .*\(got .*\).*set length"):
        Copy(length)
