"""Recall: the layout against a literal transcription, and the numbers against the uniform law."""

import numpy as np
import pytest
from scipy import stats

from minirnn.errors import UsageError
from minirnn.tasks.recall import Recall


@pytest.mark.parametrize(("length", "values"), [(2, 2), (20, 10), (7, 31)])
def test_the_answer_is_the_first_number(length, values):
    batch = Recall(length, values).batch("train", 9, 0, 0)
    assert batch.x.shape == (length, 9)
    assert batch.y.shape == (1, 9)
    for b in range(9):
        sequence = [int(batch.x[t, b]) for t in range(length)]
        assert batch.y[0, b] == sequence[0]
        assert all(0 <= n < values for n in sequence)


def test_numbers_are_uniform_and_the_answer_is_independent_of_what_is_seen_last():
    batch = Recall(5, 10).batch("train", 20_000, 1, 0)
    assert stats.chisquare(np.bincount(batch.x.ravel(), minlength=10)).pvalue > 1e-3
    table = np.zeros((10, 10))
    np.add.at(table, (batch.y[0], batch.x[-1]), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_the_baseline_is_ln_M_and_one_in_M():
    assert Recall(5, 8).baseline() == {"loss": pytest.approx(3 * np.log(2)), "accuracy": 1 / 8}


def test_evaluation_covers_two_thousand_sequences():
    assert Recall().batches("valid", 100) == 20
    assert Recall().batches("test", 300) == 7


def test_longer_sequences_are_given_more_steps():
    steps = [Recall(n).suggested["train"]["steps"] for n in (20, 50, 100)]
    assert steps == [6_000, 9_000, 14_000]


@pytest.mark.parametrize("options", [{"length": 1}, {"length": 0}, {"length": -5}, {"values": 1}, {"values": 0}])
def test_options_without_a_task_are_refused(options):
    (name, value), = options.items()
    with pytest.raises(UsageError, match=rf"^{name} must be a whole number from 2 to .*\(got {value}\).*set {name}"):
        Recall(**options)
