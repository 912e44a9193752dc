"""Sequential MNIST: each layout against slow loops, the splits, and the order of the training images."""

import os
import struct

import numpy as np
import pytest

from minirnn.data import load_mnist, read_idx
from minirnn.errors import UsageError
from minirnn.tasks.sequential_mnist import SequentialMnist

LAYOUTS = {"pixels": (784, 1), "pooled": (196, 1), "rows": (28, 28)}


@pytest.fixture
def task(mnist_folder):
    return SequentialMnist(data_dir=mnist_folder)


def _literal(image, layout):
    """One image (28, 28) as the list of its steps, each a list of features."""
    grey = [[int(image[i, j]) / 255 for j in range(28)] for i in range(28)]
    if layout == "rows":
        return grey
    if layout == "pixels":
        return [[grey[i][j]] for i in range(28) for j in range(28)]
    return [
        [(grey[2 * i][2 * j] + grey[2 * i][2 * j + 1] + grey[2 * i + 1][2 * j] + grey[2 * i + 1][2 * j + 1]) / 4]
        for i in range(14) for j in range(14)
    ]


def _numbers(batch):
    """Which images of their file a batch in rows holds: each begins with its number."""
    return np.rint(batch.x[0, :, :2] * 255).astype(int) @ [256, 1]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_agree_with_loops_over_the_pixels(layout, mnist_folder):
    task = SequentialMnist(layout, mnist_folder)
    batch = task.batch("test", 3, 0, 1)
    images = read_idx(mnist_folder / "t10k-images-idx3-ubyte", 3)[3:6]
    labels = read_idx(mnist_folder / "t10k-labels-idx1-ubyte", 1)[3:6]
    T, m = LAYOUTS[layout]
    assert batch.x.shape == (T, 3, m)
    assert task.n_in == m
    for b in range(3):
        np.testing.assert_allclose(batch.x[:, b], _literal(images[b], layout), rtol=3e-7)      # float32 rounding
    assert batch.y.tolist() == [labels.tolist()]


def test_grey_values_span_zero_to_one(task):
    x = task.batch("train", 100, 0, 0).x
    assert x.dtype == np.float32
    assert x.min() == 0
    assert x.max() == 1


def test_the_last_thousand_training_images_are_the_validation_split(task):
    assert _numbers(task.batch("valid", 1_000, 0, 0)).tolist() == list(range(130, 1_130))


def test_one_epoch_shows_every_training_image_once_and_no_other(task):
    epoch = np.concatenate([_numbers(task.batch("train", 10, 0, step)) for step in range(13)])
    assert sorted(epoch) == list(range(130))
    assert list(epoch) != list(range(130))


def test_epochs_and_seeds_have_their_own_orders(task):
    orders = [tuple(_numbers(task.batch("train", 130, seed, epoch))) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(orders)) == 4


def test_images_stay_with_their_labels(task, mnist_folder):
    labels = read_idx(mnist_folder / "train-labels-idx1-ubyte", 1)
    for step in range(4):
        batch = task.batch("train", 40, 5, step)
        assert np.array_equal(batch.y[0], labels[_numbers(batch)])


def test_the_incomplete_batch_is_left_out_of_training_and_kept_in_evaluation(task):
    assert task.batches("train", 50) == 2                               # 130 images: 50, 50, and 30 left out
    assert {task.batch("train", 50, 0, step).x.shape[1] for step in range(4)} == {50}
    assert task.batches("test", 8) == 3
    assert [task.batch("test", 8, 0, step).x.shape[1] for step in range(3)] == [8, 8, 4]
    assert np.concatenate([_numbers(task.batch("test", 8, 0, step)) for step in range(3)]).tolist() == list(range(20))


def test_a_batch_larger_than_the_split_is_the_split(task):
    assert task.batches("train", 500) == 1
    assert task.batch("train", 500, 0, 3).x.shape[1] == 130


def test_evaluation_splits_are_the_same_for_every_seed(task):
    assert np.array_equal(task.batch("valid", 10, 0, 2).x, task.batch("valid", 10, 9, 2).x)


def test_the_baseline_is_the_entropy_of_the_training_labels_and_the_largest_class(task, mnist_folder):
    labels = read_idx(mnist_folder / "train-labels-idx1-ubyte", 1)[:130].tolist()
    p = [labels.count(k) / 130 for k in range(10)]
    assert task.baseline()["accuracy"] == pytest.approx(max(p))
    assert task.baseline()["loss"] == pytest.approx(-sum(q * np.log(q) for q in p if q))


@pytest.mark.parametrize("layout", ["columns", "", None, 3, ["rows"]])
def test_unknown_layouts_are_refused(layout, mnist_folder):
    with pytest.raises(UsageError, match=r"^layout must be one of pixels, pooled, rows \(got .*\); set layout"):
        SequentialMnist(layout, mnist_folder)


def test_too_few_images_for_a_validation_split_are_refused(tmp_path):
    for name in ("train", "t10k"):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, 1_000, 28, 28) + bytes(784_000))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 1_000) + bytes(1_000))
    with pytest.raises(UsageError, match=r"more than 1,000 training images.*got 1,000 in .*use a larger file"):
        SequentialMnist(data_dir=tmp_path)


@pytest.mark.skipif(not os.environ.get("MINIRNN_DATA"), reason="MINIRNN_DATA names no folder with the real MNIST")
def test_real_digits_are_told_apart_by_their_class_means():
    """Nearest class mean reads about 4 in 5 digits, which no mix-up of images and labels would leave."""
    task = SequentialMnist("pooled")
    train, test = task.batch("train", 4_000, 0, 0), task.batch("test", 1_000, 0, 0)
    means = np.stack([train.x[:, train.y[0] == k, 0].mean(axis=1) for k in range(10)])     # (10, 196)
    distances = ((test.x[:, :, 0].T[:, None] - means) ** 2).sum(axis=-1)
    assert (distances.argmin(axis=1) == test.y[0]).mean() > 0.7
    assert task.baseline()["accuracy"] == pytest.approx(0.11, abs=0.01)


@pytest.mark.skipif(not os.environ.get("MINIRNN_DATA"), reason="MINIRNN_DATA names no folder with the real MNIST")
def test_the_first_real_images_are_those_that_everyone_knows():
    mnist = load_mnist()
    assert mnist.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert mnist.train_images[0, 5, 12:24].tolist() == [3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127]
    assert not mnist.train_images[0, :5].any()
    assert mnist.test_images[0, 7, 6:12].tolist() == [84, 185, 159, 151, 60, 36]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [(lambda images: images[:-5], "header promises"),
     (lambda images: b"\0\0\x08\x01" + images[4:], "wanted an IDX file"),
     (lambda images: images[:7], "its header ends after 7 bytes")],
    ids=["truncated", "wrong magic", "truncated header"],
)
def test_damaged_images_are_one_sentence_with_the_path(mnist_folder, tmp_path, damage, sentence):
    for path in mnist_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UsageError) as caught:
        SequentialMnist(data_dir=tmp_path)
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
