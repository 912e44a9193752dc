"""The products that are arranged for speed, against the plain formula."""

import numpy as np
import pytest

from minirnn.linalg import NARROW, Affine, outer_sum, row_sum
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.parametrizations import Diagonal
from minirnn.parametrizations.givens import butterfly, orders, round_robin

SEED = 3


def normal(*shape, kind="f"):
    parts = np.random.default_rng(SEED).standard_normal((2, *shape))
    return parts[0] + 1j * parts[1] if kind == "c" else parts[0]


@pytest.mark.parametrize("kind", ["f", "c"])
@pytest.mark.parametrize("B", [NARROW - 1, NARROW, 50])
@pytest.mark.parametrize(("rows", "columns"), [(9, 40), (40, 9), (9, 9), (NARROW + 1, 40)])
def test_outer_sum_is_one_product_over_all_steps_and_rows(rows, columns, B, kind):
    dZ, H = normal(7, B, rows, kind=kind), normal(7, B, columns, kind=kind)
    wanted = dZ.reshape(-1, rows).T @ H.reshape(-1, columns).conj()
    found = outer_sum(np.zeros((rows, columns)), dZ, H)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * np.max(np.abs(wanted)))


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
