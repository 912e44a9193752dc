"""Accumulation: the parts give the update of the whole, whatever their sizes."""

import numpy as np
import pytest

from minirnn import config
from minirnn.errors import UsageError
from minirnn.optimizers.accumulate import Mean
from minirnn.rows import Rows
from minirnn.tasks.base import Batch
from minirnn.tasks.recall import Recall
from minirnn.trainer import build


def trainer(task=None, model=None, **train):
    settings, found = config.resolve({
        "task": {"name": "recall", "length": 6},
        "model": {"name": "lstm", "hidden_size": 5, "embedding_size": 3, **(model or {})},
        "optimizer": {"rule": "sgd", "lr": 1.0, "clip_norm": 0.5}, "run": {"dtype": "float64"},
        "train": {"batch_size": 6, "steps": 4, **train},
    })
    return build(settings, task or found)


class Ragged(Recall):
    """Every step is asked, but sequence b of the data set only for its first 1 + b mod 6 steps; sequence 4 never."""

    read_last = None

    def batch(self, split, batch_size, seed, step):
        first = step * batch_size
        x = np.random.default_rng(7).integers(0, 10, (6, 48))[:, first : first + batch_size]
        b = np.arange(first, first + batch_size)
        return Batch(x, x, (np.arange(6)[:, None] <= b % 6) & (b != 4))


@pytest.mark.parametrize("parts", [2, 3, 6])
@pytest.mark.parametrize("options", [{}, {"embedding_size": 5, "tied": True}], ids=["rows", "tied"])
def test_accumulated_parts_move_the_parameters_as_one_big_batch_does(parts, options):
    whole = trainer(Ragged(6), options, batch_size=12)
    pieces = trainer(Ragged(6), options, batch_size=12 // parts, accumulate=parts)
    for step in range(4):
        total, count, units = whole.update(step)
        again = pieces.update(step)
        assert again[0] == pytest.approx(total, rel=1e-12)
        assert again[1:] == (count, units)
    for name, p in whole.model.params.items():
        np.testing.assert_allclose(pieces.model.params[name], p, rtol=1e-11, atol=1e-13, err_msg=name)


def test_a_plain_mean_of_unequal_parts_would_be_another_gradient():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3))
    mean = Mean()
    mean.add({"W": a}, 1)
    mean.add({"W": b}, 3)
    np.testing.assert_allclose(mean.value()["W"], (a + 3 * b) / 4, rtol=1e-14)
    assert not np.allclose(mean.value()["W"], (a + b) / 2)


def test_gradients_by_rows_stay_gradients_by_rows():
    mean = Mean()
    mean.add({"E": Rows(np.array([1, 2]), np.ones((2, 2), np.float32))}, 1)
    mean.add({"E": Rows(np.array([2]), np.ones((1, 2), np.float32))}, np.float32(3))
    E = np.zeros((4, 2), np.float32)
    found = mean.value()["E"]
    assert isinstance(found, Rows)
    assert found.values.dtype == np.float32
    assert found.dense(E).tolist() == [[0, 0], [0.25, 0.25], [1, 1], [0, 0]]


def test_the_given_gradients_are_left_alone():
    mean, g = Mean(), np.ones(3)
    mean.add({"W": g}, 2)
    mean.add({"W": g}, 2)
    mean.value()
    assert g.tolist() == [1, 1, 1]


def test_one_batch_per_update_is_the_plain_update_bit_for_bit():
    one, other = trainer(), trainer(accumulate=1)
    for step in range(3):
        one.update(step)
        other.update(step)
    assert all(np.array_equal(one.model.params[name], other.model.params[name]) for name in one.model.params)


def test_each_update_takes_the_next_batches():
    t, seen = trainer(accumulate=3), []
    batch = t.task.batch
    t.task.batch = lambda split, size, seed, step: seen.append(step) or batch(split, size, seed, step)
    t.update(0)
    t.update(1)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_joining_batches_and_cutting_them_at_once_is_refused():
    with pytest.raises(UsageError, match=r"train.accumulate .* train.bptt .*\(got 2 and 5\); leave one of them out"):
        trainer(accumulate=2, bptt=5)
