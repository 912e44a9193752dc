"""Losses against literal transcriptions and SciPy, with masks, at extremes, and aggregated over a corpus."""

from types import SimpleNamespace

import numpy as np
import oracles
import pytest
from scipy.special import log_softmax

from minirnn import catalog
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy

RNG = np.random.default_rng(0)
Y = 3 * RNG.standard_normal((4, 3, 5))
CLASSES, TARGET = RNG.integers(0, 5, (4, 3)), RNG.standard_normal((4, 3, 5))
MASKS = {
    "none": None,
    "ones": np.ones((4, 3)),
    "ragged": np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]]),
    "bool": np.array([[1, 1, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0]], bool),
    "last step": np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 1, 1]], np.float32),
}
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
LOSSES = {"softmax": (SoftmaxCrossEntropy(), CLASSES), "mse": (MeanSquaredError(), TARGET)}
every_loss = pytest.mark.parametrize(("loss", "target"), LOSSES.values(), ids=LOSSES.keys())


def batch(target, mask=None):
    return SimpleNamespace(y=target, mask=mask)


def test_every_loss_is_tested_here():
    assert {type(loss) for loss, _ in LOSSES.values()} == set(catalog.components("losses").values())


@every_mask
def test_cross_entropy_is_the_plain_formula(mask):
    value, _ = SoftmaxCrossEntropy().forward(Y, batch(CLASSES, mask))
    assert value == pytest.approx(oracles.softmax_cross_entropy(Y, CLASSES, mask), rel=1e-14)


@every_mask
def test_squared_error_is_the_plain_formula(mask):
    value, _ = MeanSquaredError().forward(Y, batch(TARGET, mask))
    assert value == pytest.approx(oracles.mean_squared_error(Y, TARGET, mask), rel=1e-14)


@pytest.mark.parametrize("scale", [1, 30, 1e3])
def test_cross_entropy_is_scipys_log_softmax(scale):
    nll = -np.take_along_axis(log_softmax(scale * Y, axis=-1), CLASSES[..., None], axis=-1)
    assert SoftmaxCrossEntropy().forward(scale * Y, batch(CLASSES))[0] == pytest.approx(nll.mean(), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_huge_logits_is_finite_and_right(dtype):
    y = np.array([[[1e4, -1e4, 0.0]], [[-1e4, 1e4, 1e4]]], dtype)
    loss = SoftmaxCrossEntropy()
    value, cache = loss.forward(y, batch(np.array([[1], [0]])))
    dy = loss.backward(cache)
    assert value == pytest.approx(2e4, rel=1e-4)
    np.testing.assert_allclose(dy, [[[0.5, -0.5, 0]], [[-0.5, 0.25, 0.25]]], atol=1e-7)


def test_cross_entropy_of_a_certain_and_right_answer_keeps_its_digits():
    """−ln p = ln(1 + 2e⁻³⁰) ≈ 2e⁻³⁰, where the logarithm of a rounded p would be zero or 2e-16 off."""
    y = np.array([[[0.0, -30.0, -30.0]]])
    assert SoftmaxCrossEntropy().forward(y, batch(np.array([[0]])))[0] == pytest.approx(2 * np.exp(-30), abs=3e-16)


def test_cross_entropy_does_not_change_when_all_logits_rise():
    a, b = (SoftmaxCrossEntropy().forward(y, batch(CLASSES))[0] for y in (Y, Y + 100.0))
    assert a == pytest.approx(b, rel=1e-13)


@every_mask
def test_cross_entropy_gradient_sums_to_zero_over_the_classes(mask):
    loss = SoftmaxCrossEntropy()
    np.testing.assert_allclose(loss.backward(loss.forward(Y, batch(CLASSES, mask))[1]).sum(-1), 0, atol=1e-16)


@every_loss
@every_mask
def test_a_spent_y_gives_the_same_numbers(loss, target, mask):
    total, count, cache = loss.total(Y, batch(target, mask))
    y = Y.copy()
    again, as_many, spent = loss.total(y, batch(target, mask), spent=True)
    assert (again, as_many) == (total, count)
    np.testing.assert_array_equal(loss.backward(spent), loss.backward(cache))


@every_loss
@every_mask
def test_a_piece_divides_by_the_count_of_the_whole_batch(loss, target, mask):
    (total, count, whole), (same, _, piece) = (loss.total(Y, batch(target, mask), N=N) for N in (None, 1000))
    assert same == total
    np.testing.assert_allclose(1000 * loss.backward(piece), count * loss.backward(whole), rtol=1e-14)


def test_cross_entropy_needs_no_memory_besides_a_spent_y():
    y = Y.copy()
    _, _, cache = SoftmaxCrossEntropy().total(y, batch(CLASSES), spent=True)
    assert np.shares_memory(SoftmaxCrossEntropy().backward(cache), y)


@every_loss
def test_masked_positions_receive_no_gradient_and_have_no_say(loss, target):
    mask = MASKS["ragged"]
    value, cache = loss.forward(Y, batch(target, mask))
    changed = np.where(mask[..., None], Y, 77.0)
    again, _ = loss.forward(changed, batch(target, mask))
    assert again == value
    assert not loss.backward(cache)[mask == 0].any()


@every_loss
def test_a_batch_without_any_unmasked_position_has_loss_and_gradient_zero(loss, target):
    value, cache = loss.forward(Y, batch(target, np.zeros((4, 3))))
    assert value == 0
    assert not loss.backward(cache).any()


@every_loss
def test_a_mask_of_ones_is_no_mask(loss, target):
    with_mask, without = (loss.forward(Y, batch(target, mask)) for mask in (np.ones((4, 3)), None))
    assert with_mask[0] == pytest.approx(without[0], rel=1e-15)
    np.testing.assert_allclose(loss.backward(with_mask[1]), loss.backward(without[1]), rtol=1e-14)


@every_loss
def test_a_corpus_is_the_sum_of_sums_over_the_sum_of_counts(loss, target):
    """Cut anywhere, unequal pieces give the loss of the whole; the mean of their means does not."""
    mask = MASKS["ragged"]
    whole, _ = loss.forward(Y, batch(target, mask))
    pieces = [loss.total(Y[s], batch(target[s], mask[s]))[:2] for s in (slice(0, 1), slice(1, 4))]
    assert sum(total for total, _ in pieces) / sum(count for _, count in pieces) == pytest.approx(whole, rel=1e-14)
    assert np.mean([total / count for total, count in pieces]) != pytest.approx(whole, rel=1e-3)


@every_loss
@every_mask
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_has_the_shape_and_dtype_of_y(loss, target, mask, dtype):
    y, t = Y.astype(dtype), target if target.dtype.kind == "i" else target.astype(dtype)
    value, cache = loss.forward(y, batch(t, mask))
    dy = loss.backward(cache)
    assert (dy.shape, dy.dtype, value.dtype) == (y.shape, dtype, dtype)


@every_loss
def test_neither_direction_writes_into_its_arguments(loss, target):
    y, t = Y.copy(), target.copy()
    _, cache = loss.forward(y, batch(t, None))
    first = loss.backward(cache)
    np.testing.assert_array_equal(loss.backward(cache), first)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(t, target)
