"""Permuted MNIST: the same order for every image, one per seed, and the published one number by number."""

import numpy as np
import pytest

from minirnn.errors import UsageError
from minirnn.tasks.permuted_mnist import PermutedMnist
from minirnn.tasks.sequential_mnist import SequentialMnist


@pytest.mark.parametrize(("layout", "steps"), [("pixels", 784), ("pooled", 196)])
def test_it_is_sequential_mnist_in_one_order(mnist_folder, layout, steps):
    plain, permuted = SequentialMnist(layout, mnist_folder), PermutedMnist(layout, mnist_folder, permutation_seed=3)
    order = permuted.permutation
    assert sorted(order.tolist()) == list(range(steps))
    assert order.tolist() != list(range(steps))
    for split in ("train", "valid", "test"):
        a, b = plain.batch(split, 4, 7, 1), permuted.batch(split, 4, 7, 1)
        assert all(np.array_equal(b.x[t], a.x[order[t]]) for t in range(steps))
        assert np.array_equal(a.y, b.y)


def test_the_order_belongs_to_its_own_seed_and_not_to_the_run(mnist_folder):
    orders = [PermutedMnist(data_dir=mnist_folder, permutation_seed=s).permutation.tolist() for s in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


def test_the_published_order_is_that_of_the_legacy_generator(mnist_folder):
    """The first and last numbers of RandomState(92916).permutation(784), which NumPy has promised to keep."""
    order = PermutedMnist(data_dir=mnist_folder, permutation="published").permutation
    assert sorted(order.tolist()) == list(range(784))
    assert order[:10].tolist() == [319, 576, 323, 107, 355, 716, 197, 20, 625, 60]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"layout": "rows"}, "layout must be one of pixels, pooled"),
     ({"permutation": "scornn"}, "permutation must be seeded or published"),
     ({"permutation": "published", "layout": "pooled"}, "is of 784 pixels"),
     ({"permutation": "published", "permutation_seed": 1}, "permutation_seed belongs to permutation seeded"),
     ({"permutation_seed": -1}, "permutation_seed must be a whole number from 0")],
)
def test_options_that_do_not_fit_are_refused(mnist_folder, options, sentence):
    with pytest.raises(UsageError, match=sentence):
        PermutedMnist(data_dir=mnist_folder, **options)
