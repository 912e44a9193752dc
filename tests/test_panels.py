"""Products with a matrix in panels: the product itself, where panels are taken, and that a network does not notice."""

from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictDevice
from threadpoolctl import threadpool_limits

from minirnn import models, panels
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.memory import spaced
from minirnn.panels import CUTS, SMALL, Panels, laid_out
from minirnn.tasks import Batch


@pytest.fixture
def pay(monkeypatch):
    """Take panels wherever the sizes speak for them, whatever BLAS and processor the tests run on."""
    monkeypatch.setattr(panels, "small_products_pay", lambda: True)


def normal(*shape, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "N", "width"), [(5, 12, 4), (130, 96, 32), (3, 80, 80)])
@pytest.mark.parametrize(("rows", "parts"), [(7, 1), (6, 2), (7, 2)], ids=["whole", "halves", "no halves"])
def test_the_product_is_that_of_the_whole_matrix(rows, parts, k, N, width, dtype):
    X, M = normal(rows, k, dtype=dtype), normal(k, N, dtype=dtype, seed=1)
    found, wanted = X @ Panels(M, width, parts), X.astype(np.float64) @ M.astype(np.float64)
    assert found.shape == wanted.shape
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    # the error of a sum of k products in any order: k ε Σ |x m|, to first order
    assert np.all(np.abs(found - wanted) <= k * np.finfo(dtype).eps * (np.abs(X) @ np.abs(M)))


@pytest.mark.parametrize("parts", [1, 2])
def test_panels_of_several_matrices_are_their_products_one_after_the_other(parts):
    M, X, Z = normal(3, 6, 8), normal(4, 6, seed=1), normal(3, 4, 6, seed=2)
    p = Panels(M, 4, parts)
    assert p.shape == M.shape
    np.testing.assert_allclose(X @ p, [X @ m for m in M], rtol=0, atol=1e-14)
    np.testing.assert_allclose(Z @ p, [z @ m for z, m in zip(Z, M, strict=True)], rtol=0, atol=1e-14)


def test_what_is_asked_first_does_not_change_with_the_next_product():
    p, X = Panels(normal(6, 8), 4), normal(3, 6)
    first = X @ p
    kept = first.copy()
    assert np.any(2 * X @ p != kept)
    np.testing.assert_array_equal(first, kept)


def test_a_panel_is_contiguous_and_starts_at_a_cache_line():
    values = Panels(normal(128, 512, dtype=np.float32), 64).values
    assert values.shape == (8, 128, 64)
    assert values.flags.c_contiguous
    assert values.ctypes.data % 64 == 0


@pytest.mark.parametrize(("rows", "k", "N", "width", "parts"), [
    (50, 128, 512, 64, 1),          # the LSTM's gates
    (50, 512, 512, 64, 2),          # 64 columns times 50 rows would be more than 10⁶ multiplications
    (51, 512, 512, 32, 1),          # 51 rows have no halves
    (20, 400, 400, 80, 1),          # neither 64 nor 32 divides 400
    (50, 300, 1200, 48, 1),
    (80, 200, 400, 80, 2),          # the gates of W5's GRU
    (50, 128, 128, None, None),     # small as it is
    (50, 100, 330, None, None),     # no width divides 330
    (200, 512, 512, None, None),    # no panel is small
])
def test_the_cut_is_the_first_that_divides_and_is_small(rows, k, N, width, parts, pay):
    M = normal(k, N, dtype=np.float32)
    found = laid_out(M, rows)
    if width is None:
        assert isinstance(found, np.ndarray)
        assert found.strides == spaced(M).strides
        np.testing.assert_array_equal(found, M)
    else:
        assert found.values.shape == (N // width, k, width)
        assert found.parts == parts
        assert rows // parts * k * width <= SMALL < rows * k * N
        assert (width, parts) in CUTS


def test_other_matrices_stay_whole(pay, monkeypatch):
    M = normal(128, 512)
    assert isinstance(laid_out(M, 50), Panels)
    assert isinstance(laid_out(np.stack([M, M]), 50), Panels)
    assert isinstance(laid_out(M + 0j, 50), np.ndarray)
    assert not isinstance(laid_out(StrictDevice().asarray(M), 50), Panels)
    monkeypatch.setattr(panels, "small_products_pay", lambda: False)
    assert isinstance(laid_out(M, 50), np.ndarray)


@pytest.mark.parametrize(("libraries", "pays"), [
    ([("SkylakeX", 1)], True),
    ([("SkylakeX", 1), ("SkylakeX", 1)], True),
    ([("SkylakeX", 2)], False),
    ([("SkylakeX", 1), ("SkylakeX", 2)], False),
    ([("Haswell", 1)], False),
    ([], False),
])
def test_small_products_pay_with_one_thread_and_kernels_for_them(libraries, pays, monkeypatch):
    found = [SimpleNamespace(architecture=name, num_threads=threads) for name, threads in libraries]
    monkeypatch.setattr(panels, "_libraries", lambda: found)
    assert panels.small_products_pay() is pays


def test_the_number_of_threads_is_asked_each_time():
    with threadpool_limits(2, user_api="blas"):
        assert not panels.small_products_pay()


@pytest.mark.parametrize("build", [models.rnn, models.lstm, models.gru], ids=["rnn", "lstm", "gru"])
def test_a_network_has_the_same_loss_and_gradients_with_panels(build, pay, monkeypatch):
    n, rows, T = 128, 70, 20
    model = build(3, 4, n, rng=np.random.default_rng(0), dtype=np.float64)
    rng = np.random.default_rng(1)
    batch = Batch(rng.standard_normal((T, rows, 3)), rng.integers(0, 4, (T, rows)))

    def gradients():
        y, _, tape = model.forward(batch.x)
        L, cache = SoftmaxCrossEntropy().forward(y, batch)
        return L, model.backward(SoftmaxCrossEntropy().backward(cache), tape)

    made = model.layers[0].prepare(rows)
    assert isinstance(made.w.W.T, Panels)
    L, grads = gradients()
    monkeypatch.setattr(panels, "small_products_pay", lambda: False)
    wanted_L, wanted = gradients()
    assert abs(L - wanted_L) <= 1e-12
    for path, d in grads.items():
        np.testing.assert_allclose(d, wanted[path], rtol=0, atol=1e-12 * np.max(np.abs(wanted[path])), err_msg=path)
