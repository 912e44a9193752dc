"""K-th largest: the answer against a sort, its law against enumeration, and the published baselines."""

import itertools

import numpy as np
import pytest
from scipy import stats

from minirnn.errors import UsageError
from minirnn.tasks.kth_largest import KthLargest


@pytest.mark.parametrize(("length", "k"), [(2, 1), (2, 2), (10, 10), (25, 3), (100, 10)])
def test_the_answer_is_the_kth_of_the_sorted_numbers(length, k):
    task = KthLargest(length, k)
    batch = task.batch("train", 40, 0, 0)
    assert batch.x.shape == (length, 40)
    assert task.n_in == task.n_out == length
    for b in range(40):
        assert batch.y[0, b] == sorted(batch.x[:, b].tolist(), reverse=True)[k - 1]


@pytest.mark.parametrize(("length", "k"), [(2, 1), (3, 2), (4, 1), (5, 3), (5, 5)])
def test_the_law_is_that_of_all_sequences(length, k):
    answers = [sorted(numbers)[length - k] for numbers in itertools.product(range(length), repeat=length)]
    np.testing.assert_allclose(KthLargest(length, k).law(), np.bincount(answers, minlength=length) / len(answers))


@pytest.mark.parametrize(
    ("length", "best", "accuracy", "entropy"),
    [(100, 90, 0.1362, 2.484), (200, 190, 0.1327, 2.513), (400, 390, 0.1311, 2.527)],
)
def test_the_best_constant_and_the_entropy_of_the_order_statistic(length, best, accuracy, entropy):
    task = KthLargest(length)
    assert np.argmax(task.law()) == best
    assert task.law().sum() == pytest.approx(1, abs=1e-12)
    baseline = task.baseline()
    assert baseline["accuracy"] == pytest.approx(accuracy, abs=5e-5)
    assert baseline["loss"] == pytest.approx(entropy, abs=5e-4)
    assert baseline["chance"] == 1 / length


def test_answers_follow_the_law_and_numbers_are_uniform():
    task = KthLargest(20, 3)
    batch = task.batch("train", 20_000, 1, 0)
    expected = 20_000 * task.law()
    usual = expected > 5
    counts = np.bincount(batch.y[0], minlength=20)
    observed = [*counts[usual], counts[~usual].sum()]
    assert stats.chisquare(observed, [*expected[usual], expected[~usual].sum()]).pvalue > 1e-3
    assert stats.chisquare(np.bincount(batch.x.ravel(), minlength=20)).pvalue > 1e-3


def test_every_place_is_as_likely_to_hold_the_answer():
    batch = KthLargest(8, 2).batch("train", 20_000, 2, 0)
    unique = (batch.x == batch.y).sum(axis=0) == 1
    where = (batch.x == batch.y)[:, unique].argmax(axis=0)
    assert stats.chisquare(np.bincount(where, minlength=8)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"length": 1}, "length must be a whole number from 2"), ({"k": 0}, "k must be a whole number from 1"),
     ({"length": 5}, r"k must be at most length, 5 \(got 10\).*lower k")],
)
def test_options_without_an_answer_are_refused(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        KthLargest(**options)
