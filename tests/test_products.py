"""The products that are arranged for speed, against the plain formula."""

import numpy as np
import pytest

from minirnn import panels
from minirnn.linalg import outer_sum, row_sum
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.parametrizations import Diagonal
from minirnn.parametrizations.givens import butterfly, orders, round_robin
from minirnn.products import NARROW, Affine, OuterSums

SEED = 3


def normal(*shape, seed=SEED, kind="f"):
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return parts[0] + 1j * parts[1] if kind == "c" else parts[0]


@pytest.mark.parametrize("kind", ["f", "c"])
@pytest.mark.parametrize(("T", "B", "rows", "columns", "cut"), [
    (16, 50, 9, 128, (16, 9)),          # the read-out of W1: one product is small
    (16, 50, 11, 128, (8, 11)),         # its input
    (16, 50, 128, 9, (16, 128)),
    (7, NARROW, 9, 9, (7, 9)),
    (3, 3000, 9, 40, (1, 9)),           # not even one step is small
    (7, NARROW - 1, 9, 40, None),       # too few examples
    (16, 50, 128, 128, (4, 32)),        # W̄ of W1
    (12, 50, 128, 128, (4, 32)),        # and in its first segment
    (13, 50, 128, 128, None),           # 13 steps have no parts
    (16, 50, 100, 128, None),           # 32 does not divide 100
    (16, 50, 512, 128, None),           # too much to add up
    (16, 20, 128, 128, None),           # too few examples for as many additions
    (2, 33, 64, 64, None),              # small as it is
])
def test_a_sum_of_small_products_is_that_of_one(T, B, rows, columns, cut, kind, monkeypatch):
    monkeypatch.setattr(panels, "small_products_pay", lambda: True)
    W, sums = np.zeros((rows, columns)), OuterSums(np.zeros((rows, columns)))
    for seed in (0, 1):                                             # the second finds the room of the first
        dZ, H = normal(T, B, rows, seed=seed, kind=kind), normal(T, B, columns, seed=2 + seed, kind=kind)
        found, wanted = sums.found(dZ, H), outer_sum(W, dZ, H)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * np.max(np.abs(wanted)))
    if cut is None or kind == "c":
        assert sums.room is None
    else:
        steps, width = cut
        assert sums.room.shape == (T // steps, rows // width, width, columns)


def test_a_sum_with_whole_numbers_is_that_of_one_product():
    dZ, X = normal(7, 50, 9), np.arange(7 * 50 * 40).reshape(7, 50, 40) % 5
    np.testing.assert_allclose(OuterSums(np.zeros((9, 40))).found(dZ, X), outer_sum(None, dZ, X), rtol=0, atol=1e-11)


def test_what_was_found_stays_when_the_room_is_used_again():
    sums = OuterSums(np.zeros((9, 40)))
    first = sums.found(normal(7, 50, 9), normal(7, 50, 40))
    kept = first.copy()
    sums.found(normal(7, 50, 9, seed=1), normal(7, 50, 40, seed=1))
    np.testing.assert_array_equal(first, kept)


def test_a_square_sum_is_cut_only_where_small_products_pay(monkeypatch):
    for pays in (False, True):
        monkeypatch.setattr(panels, "small_products_pay", lambda pays=pays: pays)
        sums = OuterSums(np.zeros((128, 128)))
        sums.found(normal(16, 50, 128), normal(16, 50, 128))
        assert (sums.room is not None) is pays


def test_outer_sum_is_one_product_over_all_leading_axes():
    dZ, H = normal(7, 3, 4, kind="c"), normal(7, 3, 5, seed=1, kind="c")
    wanted = np.einsum("tbi,tbj->ij", dZ, H.conj())
    np.testing.assert_allclose(outer_sum(np.zeros((4, 5)), dZ, H), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_row_sum_is_the_sum_over_the_leading_axes(dtype):
    D = normal(5, 6, 7, kind=np.dtype(dtype).kind).astype(dtype)
    assert row_sum(D).dtype == dtype
    np.testing.assert_allclose(row_sum(D), D.sum(axis=(0, 1)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["f", "c"])
@pytest.mark.parametrize("rows", [4, 20, 50])
@pytest.mark.parametrize("columns", [1, NARROW - 1, NARROW, 40])
@pytest.mark.parametrize("leading", [(5, NARROW - 1), (5, NARROW), (3, 50), (50,)])
def test_affine_is_a_product_and_a_bias_and_its_gradients_are_sums(leading, columns, rows, kind):
    X, M, b = normal(*leading, columns, kind=kind), normal(rows, columns, kind=kind), normal(rows, kind=kind)
    dY = normal(*leading, rows, kind=kind)
    dM, db = dY.reshape(-1, rows).T @ X.reshape(-1, columns).conj(), dY.reshape(-1, rows).sum(axis=0)
    for bias in (b, None):
        affine = Affine(M, bias)
        found, gradients = affine.forward(X), affine.gradients(dY, X)
        assert found.shape == (*leading, rows)
        np.testing.assert_allclose(found, X @ M.T + (0 if bias is None else bias), rtol=0, atol=1e-13)
        for g, wanted in zip(gradients, (dM, db), strict=True):
            np.testing.assert_allclose(g, wanted, rtol=0, atol=1e-13 * np.max(np.abs(wanted)))


@pytest.mark.parametrize("B", [6, NARROW])
def test_affine_applies_an_operator_and_adds_its_bias(B):
    X, W, b, dY = normal(5, B, 3), Diagonal(normal(2, 3)).matrix()[0], normal(6), normal(5, B, 6)
    affine = Affine(W, b)
    np.testing.assert_allclose(affine.forward(X), X @ W.dense().T + b, rtol=0, atol=1e-14)
    dM, db = affine.gradients(dY, X)
    np.testing.assert_array_equal(dM, W.gradient(dY, X))
    np.testing.assert_allclose(db, dY.sum(axis=(0, 1)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("classes", [2, 64, 65, 300])
def test_softmax_of_few_and_of_many_classes_is_the_same_formula(classes):
    y, rng = 5 * normal(4, 3, classes), np.random.default_rng(SEED)
    batch = type("Batch", (), {"y": rng.integers(0, classes, (4, 3)), "mask": None})
    kept = y.copy()
    total, count, cache = SoftmaxCrossEntropy().total(y, batch)
    p = np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)
    onehot = np.eye(classes)[batch.y]
    assert total == pytest.approx(-np.sum(np.log(p) * onehot), rel=1e-12)
    np.testing.assert_allclose(SoftmaxCrossEntropy().backward(cache), (p - onehot) / count, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(y, kept)                          # the metrics read the scores after the loss


@pytest.mark.parametrize(("schedule", "n", "K"), [(round_robin, 6, 5), (round_robin, 7, 7), (butterfly, 8, 3)])
def test_rows_are_in_the_order_of_the_round_and_come_back(schedule, n, K):
    p, q = schedule(n, K)
    there, back = orders(p, q, n)
    x = np.arange(n)
    for k in range(K):
        x = x[there[k]]
        np.testing.assert_array_equal(x[: n // 2 * 2], [*p[k], *q[k]])
    x = x[there[K]]
    np.testing.assert_array_equal(x, np.arange(n))
    for k in reversed(range(K + 1)):
        x = x[back[k]]
    np.testing.assert_array_equal(x, np.arange(n))
