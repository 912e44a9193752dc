"""The fake device array computes NumPy's numbers in the precision of its inputs, and counts what crosses."""

import copy

import numpy as np
import pytest
from strict_array import Refused, StrictArray, StrictDevice

from minirnn import backend

F32 = np.random.default_rng(7).standard_normal((3, 4)).astype(np.float32)
C64 = (F32 + 1j * F32[::-1]).astype(np.complex64)


@pytest.fixture
def device():
    return StrictDevice()


@pytest.fixture
def a(device):
    return device.asarray(F32)


# ---- precision


@pytest.mark.parametrize(
    "operation",
    [
        lambda a: a * np.float64(2.0),
        lambda a: np.sqrt(2.0) * a,
        lambda a: a + np.zeros(4, like=a),
        lambda a: np.where(a >= 0, a, np.float64(0)),
        lambda a: a * np.arange(4, like=a),
        lambda a: np.zeros((2, 2), like=a),
    ],
)
def test_double_precision_from_single_is_refused(a, operation):
    with pytest.raises(Refused, match="float64 from float32"):
        operation(a)


def test_double_complex_from_single_is_refused(device):
    with pytest.raises(Refused, match="complex128 from float32 or complex64"):
        device.asarray(C64) * np.complex128(1j)


def test_double_precision_on_request_is_allowed(a):
    assert a.astype(np.float64).dtype == np.float64
    assert a.sum(dtype=np.float64).dtype == np.float64
    assert np.zeros((2,), dtype=np.float64, like=a).dtype == np.float64


# ---- what is allowed agrees with NumPy bit for bit

SAME = {
    "operators": lambda x: (x + 1) * x - x / 3 + 2**x + (-x) ** 2 + abs(x),
    "comparison": lambda x: (x > 0) & (x <= 1) | ~(x != 0),
    "slices": lambda x: x[1:, ::-1][None, ..., 0],
    "transpose": lambda x: x.T @ x,
    "outer": lambda x: np.multiply.outer(x[0], x[1]),
    "reduce": lambda x: np.add.reduce(x, axis=1, keepdims=True),
    "accumulate": lambda x: np.multiply.accumulate(x),
    "out": lambda x: np.tanh(x, out=np.empty_like(x)),
    "where": lambda x: np.where(x >= 0, x, 0.0),
    "reshape": lambda x: x.reshape(-1, 2).ravel(),
    "methods": lambda x: x.sum(axis=0) + x.mean(axis=0) + x.max(axis=0) - x.min() + x.std() + x.prod(),
    "argmax": lambda x: x.argmax(axis=1),
    "clip": lambda x: np.clip(x, -0.5, 0.5),
    "concatenate": lambda x: np.concatenate([x, x], axis=1),
    "stack": lambda x: np.stack([x, x]),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "matmul": lambda x: np.matmul(x, x.T),
    "astype": lambda x: x.astype(np.complex64).conj().imag,
    "zeros_like": lambda x: np.zeros_like(x) + np.ones_like(x) + np.full_like(x, 3.0),
    "complex": lambda x: (np.exp(1j * x) * x).real,
    "split": lambda x: np.split(x, 2, axis=1)[1],
    "norm": lambda x: np.linalg.norm(x),
    "eigh": lambda x: np.linalg.eigh(x @ x.T)[1],
    "svd": lambda x: np.linalg.svd(x)[1],
    "qr": lambda x: np.linalg.qr(x)[0],
    "solve": lambda x: backend.solve(x @ x.T, x),
    "fft": lambda x: np.fft.ifft(np.fft.fft(x)),
    "scalar index": lambda x: x[1, 2],
    "cumsum": lambda x: np.cumsum(x, axis=0),
    "triu": lambda x: np.triu(x, 1) + np.tril(x),
    "take": lambda x: np.take(x, 1, axis=0),
    "tensordot": lambda x: np.tensordot(x, x, axes=2),
    "copy": lambda x: copy.deepcopy(x),
}


@pytest.mark.parametrize("name", SAME)
def test_permitted_operations_agree_with_numpy_bit_for_bit(device, name):
    expected = np.asarray(SAME[name](F32))
    result = SAME[name](device.asarray(F32))
    assert isinstance(result, StrictArray)
    assert device.transfers == 1  # the operand went up; nothing came down
    got = backend.to_host(result)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("reduction", [np.sum, np.mean, np.max, np.linalg.norm, lambda x: np.allclose(x, x)])
def test_reductions_stay_on_the_device(a, reduction):
    value = reduction(a)
    assert isinstance(value, StrictArray)
    assert value.shape == ()


def test_in_place_operations_write_to_the_same_array(a):
    same, view = a, a[1:]
    a += 1
    a *= a
    a[0] = 5.0
    a.T[0, 1] = 7.0
    expected = (F32 + 1) ** 2
    expected[0] = 5.0
    expected[1, 0] = 7.0
    assert a is same
    np.testing.assert_array_equal(a.get(), expected)
    np.testing.assert_array_equal(view.get(), expected[1:])


def test_an_element_is_a_view_as_in_cupy(a):
    element = a[1, 2]
    element[...] = 9.0
    assert a.get()[1, 2] == 9.0


def test_gather_and_scatter_by_device_indices(device, a):
    ids = device.asarray(np.array([2, 0, 2]))
    np.testing.assert_array_equal(a[ids].get(), F32[[2, 0, 2]])
    b = np.zeros_like(a)
    b[ids[:2]] = a[:2]
    expected = np.zeros_like(F32)
    expected[[2, 0]] = F32[:2]
    np.testing.assert_array_equal(b.get(), expected)


def test_real_and_imag_are_views_that_can_be_written(device):
    z = device.asarray(C64)
    z.real += 1
    z.imag = 0.0
    np.testing.assert_array_equal(z.get(), (C64.real + 1).astype(np.complex64))


def test_a_mask_may_receive_a_scalar(a):
    a[a < 0] = 0.0
    np.testing.assert_array_equal(a.get(), np.maximum(F32, 0))


# ---- the counter


def test_every_crossing_is_counted_and_nothing_else(device):
    x = device.asarray(F32)
    y = (x @ x.T).sum()
    assert (device.to_device, device.to_host) == (1, 0)
    np.asarray(F32, like=y)
    y.get()
    assert (device.to_device, device.to_host, device.transfers) == (2, 1, 3)


def test_the_host_array_is_not_shared(device):
    host = F32.copy()
    x = device.asarray(host)
    host[...] = 0
    np.testing.assert_array_equal(x.get(), F32)


def test_repr_shows_no_values(a):
    assert repr(a) == "StrictArray(shape=(3, 4), dtype=float32)"
