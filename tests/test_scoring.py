"""Read-out and loss in pieces: the numbers of the whole, and never more scores at a time than allowed."""

import weakref

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, scoring
from minirnn.layers import Embedding, Linear, TiedLinear
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.metrics import accuracy, accuracy_of_last
from minirnn.scoring import ReadoutAdjoint
from minirnn.tasks.base import Batch
from minirnn.unroll import SEGMENT

K, B, N, CLASSES = 5, 7, 4, 6
MASKS = {
    "no mask": None,
    "ragged": (np.arange(K)[:, None] < np.array([5, 3, 1, 0, 0, 2, 5])).astype(int),
    "a piece without targets": np.repeat([[1, 1, 0, 0, 0, 0, 1]], K, axis=0),
    "nothing asked": np.zeros((K, B), bool),
}
every_mask = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
every_width = pytest.mark.parametrize("width", [1, 2, 3, 7, 100])
LOSSES = {"softmax": SoftmaxCrossEntropy(), "mse": MeanSquaredError()}
every_loss = pytest.mark.parametrize("kind", LOSSES)


def problem(kind="softmax", mask=None, dtype=np.float64, tied=False):
    rng = np.random.default_rng(0)
    H, b = rng.standard_normal((K, B, N)).astype(dtype), rng.standard_normal(CLASSES).astype(dtype)
    W = rng.standard_normal((CLASSES, N)).astype(dtype)
    y = rng.integers(0, CLASSES, (K, B)) if kind == "softmax" else rng.standard_normal((K, B, CLASSES)).astype(dtype)
    return TiedLinear(Embedding(W), b) if tied else Linear(W, b), LOSSES[kind], H, Batch(y, y, mask)


def plainly(readout, loss, H, batch):
    """The public training step's lines."""
    y, cache = readout.forward(H)
    value, loss_cache = loss.forward(y, batch)
    return value, *readout.backward(loss.backward(loss_cache), cache)


def narrow(monkeypatch, width):
    monkeypatch.setattr(scoring, "PIECE", width * K * CLASSES)


@every_loss
@every_mask
@every_width
@pytest.mark.parametrize("tied", [False, True])
def test_pieces_give_the_loss_and_gradients_of_the_whole(monkeypatch, kind, mask, width, tied):
    narrow(monkeypatch, width)
    given = problem(kind, mask, tied=tied)
    total, count, dH, grads = scoring.train(*given)
    value, dH_whole, wanted = plainly(*given)
    assert total / count == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(dH[:], dH_whole, rtol=1e-12, atol=1e-15)
    assert grads.keys() == wanted.keys()
    for name, d in grads.items():
        np.testing.assert_allclose(d, wanted[name], rtol=1e-12, atol=1e-14)


@every_mask
@every_width
def test_evaluation_in_pieces_gives_the_sums_of_the_whole(monkeypatch, mask, width):
    narrow(monkeypatch, width)
    readout, loss, H, batch = problem(mask=mask)
    metrics = {"accuracy": accuracy, "last": accuracy_of_last(2)}
    found = scoring.evaluate(readout, loss, H, batch, metrics)
    y = readout.forward(H)[0]
    wanted = {"loss": loss.total(y, batch)[:2]} | {name: metric(y, batch) for name, metric in metrics.items()}
    asked = batch.asked
    for name, (a, n) in wanted.items():
        assert found[name][0] == pytest.approx(a, rel=1e-13)
        assert found[name][1] == (n if asked or name == "last" else 0)


@every_mask
@pytest.mark.parametrize("width", [2, 100])
def test_single_precision_stays_single(monkeypatch, mask, width):
    narrow(monkeypatch, width)
    total, count, dH, grads = scoring.train(*problem(mask=mask, dtype=np.float32))
    assert {x.dtype for x in (total / count, dH[:], *grads.values())} == {np.dtype(np.float32)}


def test_no_more_scores_are_made_at_a_time_than_a_piece_holds(monkeypatch):
    narrow(monkeypatch, 2)
    readout, loss, H, batch = problem()
    sizes, forward = [], readout.forward
    readout.forward = lambda X, affine: sizes.append(len(X) * CLASSES) or forward(X, affine)
    scoring.train(readout, loss, H, batch)
    assert sizes == [60, 60, 60, 30]
    assert max(sizes) <= scoring.PIECE


@pytest.mark.parametrize("width", [2, 100])
def test_scores_become_their_gradient_and_are_gone_before_the_next_piece(monkeypatch, width):
    narrow(monkeypatch, width)
    readout, _, H, batch = problem()
    made = []

    class Watched(SoftmaxCrossEntropy):
        def total(self, y, batch, spent=False, N=None):
            assert spent
            assert [array() for array in made] == [None] * len(made)
            made.append(weakref.ref(y.base if y.base is not None else y))
            return super().total(y, batch, spent, N)

        def backward(self, cache):
            dy = super().backward(cache)
            assert np.shares_memory(dy, made[-1]())
            return dy

    scoring.train(readout, Watched(), H, batch)
    assert len(made) == len(range(0, B, width))


def test_a_small_batch_is_one_piece_bit_for_bit():
    given = problem()
    total, count, dH, grads = scoring.train(*given)
    value, wanted_dH, wanted = plainly(*given)
    assert total / count == value
    assert np.array_equal(dH[:], wanted_dH)
    assert grads.keys() == wanted.keys()
    assert all(np.array_equal(grads[name], wanted[name]) for name in grads)


@pytest.mark.parametrize("tied", [False, True])
def test_what_is_asked_in_segments_adds_up_to_the_whole(tied):
    given = problem(tied=tied)
    _, _, dH, grads = scoring.train(*given)
    _, wanted_dH, wanted = plainly(*given)
    assert isinstance(dH, ReadoutAdjoint)
    assert len(dH) == K
    assert grads == {}
    found = [dH[K - 2 :], dH[1 : K - 2], dH[:1]]
    np.testing.assert_allclose(np.concatenate(found[::-1]), wanted_dH, rtol=0, atol=1e-15)
    assert grads.keys() == wanted.keys()
    for name, d in grads.items():
        np.testing.assert_allclose(d, wanted[name], rtol=1e-12, atol=1e-14)


def test_a_wide_read_out_is_undone_at_once():
    _, _, H, batch = problem()
    classes = SEGMENT * B + 1
    rng = np.random.default_rng(1)
    readout = Linear(rng.standard_normal((classes, N)), rng.standard_normal(classes))
    given = readout, SoftmaxCrossEntropy(), H, batch
    _, _, dH, grads = scoring.train(*given)
    _, wanted_dH, wanted = plainly(*given)
    assert np.array_equal(dH, wanted_dH)
    assert all(np.array_equal(grads[name], wanted[name]) for name in ("W", "b"))


@every_mask
def test_pieces_run_on_a_device_with_the_bits_of_the_host_and_copy_nothing(monkeypatch, mask):
    narrow(monkeypatch, 2)
    readout, loss, H, batch = problem(mask=mask, dtype=np.float32)
    wanted = scoring.train(readout, loss, H, batch)
    device = StrictDevice()
    readout.params = {name: device.asarray(x) for name, x in readout.params.items()}
    H, y = device.asarray(H), device.asarray(batch.y)
    there = Batch(y, y, None if mask is None else device.asarray(mask))
    before = device.transfers
    found = scoring.train(readout, loss, H, there)
    assert device.transfers == before
    pairs = [(found[0], wanted[0]), (found[2], wanted[2]), *((found[3][k], wanted[3][k]) for k in wanted[3])]
    assert all(backend.to_host(a).tobytes() == b.tobytes() for a, b in pairs)


def test_the_positions_asked_are_counted_on_the_host():
    assert Batch(np.zeros((3, 2)), np.zeros((3, 2))).asked == 6
    assert Batch(np.zeros((3, 2)), np.zeros((2, 2, 9)), np.array([[1, 0], [1, 1]])).asked == 3
    assert Batch(np.zeros((3, 2)), np.zeros((0, 2))).asked == 0
