"""The fake device array refuses what CuPy refuses, one test per refusal."""

import pickle

import numpy as np
import pytest
from strict_array import Refused, StrictDevice

F32 = np.random.default_rng(7).standard_normal((3, 4)).astype(np.float32)
C64 = (F32 + 1j * F32[::-1]).astype(np.complex64)


@pytest.fixture
def device():
    return StrictDevice()


@pytest.fixture
def a(device):
    return device.asarray(F32)


# ---- implicit copies to the host


def test_asarray_of_a_device_array_is_refused_in_cupys_words(a):
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(a)


def test_functions_that_numpy_does_not_dispatch_are_refused(a):
    with pytest.raises(Refused, match="Implicit conversion"):
        np.ascontiguousarray(a)


@pytest.mark.parametrize("convert", [float, int, bool, complex])
def test_scalar_conversion_is_refused(a, convert):
    with pytest.raises(Refused, match=convert.__name__):
        convert(a[0, 0])


def test_a_branch_on_an_array_is_refused(a):
    with pytest.raises(Refused, match="waits for the device"):
        1 if a.sum() > 0 else 0


def test_a_device_integer_is_no_python_index(device):
    with pytest.raises(TypeError, match="list indices must be integers"):
        [10, 20][device.asarray(np.array(1))]


@pytest.mark.parametrize("method", ["item", "tolist", "tobytes"])
def test_methods_that_leave_the_device_are_refused(a, method):
    with pytest.raises(Refused, match="to_host"):
        getattr(a, method)()


def test_iteration_is_refused(a):
    with pytest.raises(Refused, match="iterating"):
        list(a)


def test_unpacking_is_refused(a):
    with pytest.raises(Refused, match="iterating"):
        _, _, _ = a


def test_membership_is_refused(a):
    with pytest.raises(Refused, match="`in` on a device array"):
        1.0 in a  # noqa: B015


def test_formatting_is_refused(a):
    with pytest.raises(Refused, match="formatting"):
        f"{a.sum():.3f}"


def test_pickling_is_refused(a):
    with pytest.raises(Refused, match="pickling"):
        pickle.dumps(a)


def test_hashing_is_refused(a):
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


def test_random_draws_from_a_device_array_are_refused(a):
    with pytest.raises(Refused, match="Implicit conversion"):
        np.random.default_rng(0).permutation(a)


# ---- host and device arrays in one operation


@pytest.mark.parametrize(
    "operation",
    [
        lambda a: a + F32,
        lambda a: F32 + a,
        lambda a: F32.T @ a,
        lambda a: a.__iadd__(F32),
        lambda a: F32.copy().__iadd__(a),
        lambda a: np.add(a, a, out=F32.copy()),
        lambda a: np.add(F32, F32, out=a),
        lambda a: np.where(F32 > 0, a, a),
        lambda a: np.concatenate([a, F32]),
        lambda a: np.stack([F32, a]),
        lambda a: np.einsum("ij,ij->i", a, F32),
        lambda a: np.copyto(a, F32),
        lambda a: a.dot(F32.T),
        lambda a: a.__setitem__(..., F32),
        lambda a: np.multiply(a, np.array(2.0)),
    ],
)
def test_mixing_host_and_device_arrays_is_refused(a, operation):
    with pytest.raises(Refused, match="a NumPy array next to a device array"):
        operation(a)


def test_a_device_array_is_not_copied_into_a_host_array(a):
    with pytest.raises(Refused, match="Implicit conversion"):
        F32.copy()[...] = a


@pytest.mark.parametrize("other", [[1.0, 2.0], None, "x"])
def test_lists_and_objects_in_arithmetic_are_refused(a, other):
    with pytest.raises(Refused, match="scalars"):
        np.add(a, other)


@pytest.mark.parametrize("index", [[0, 1], np.array([0, 1]), np.array([True, False, True])])
def test_host_indices_are_refused(a, index):
    with pytest.raises(Refused, match="index"):
        a[index]


def test_device_indices_into_host_arrays_are_refused(device):
    with pytest.raises(Refused, match="Implicit conversion"):
        F32[device.asarray(np.array([0, 1]))]


def test_assigning_a_list_is_refused(a):
    with pytest.raises(Refused, match="scalars"):
        a[0] = [1.0, 2.0, 3.0, 4.0]


# ---- what CuPy does not have


def test_a_function_that_cupy_lacks_is_refused(a):
    with pytest.raises(Refused, match=r"CuPy has no np\.nanquantile"):
        np.nanquantile(a, 0.5)


def test_a_ufunc_that_cupy_lacks_is_refused(a):
    with pytest.raises(Refused, match="CuPy has no ufunc vecdot"):
        np.vecdot(a, a)


def test_an_argument_that_cupy_lacks_is_refused(a):
    with pytest.raises(Refused, match="'where'"):
        np.sum(a, where=a > 0)


def test_full_and_ones_with_like_are_refused_because_numpy_passes_a_device(a):
    with pytest.raises(Refused, match="'device'"):
        np.full((2,), 1.0, dtype=np.float32, like=a)
    with pytest.raises(Refused, match="'device'"):
        np.ones((2,), dtype=np.float32, like=a)


def test_a_method_argument_that_cupy_lacks_is_refused(a):
    with pytest.raises(Refused, match="initial"):
        a.max(initial=0.0)


def test_a_method_that_cupy_lacks_is_refused(a):
    with pytest.raises(AttributeError, match="setfield"):
        a.setfield(0, np.float32)


def test_a_ufunc_method_that_cupy_lacks_is_refused(a):
    with pytest.raises(Refused, match=r"maximum\.reduce"):
        np.maximum.reduce(a)


def test_a_ufunc_argument_that_cupy_lacks_is_refused(a):
    with pytest.raises(Refused, match="initial"):
        np.add.reduce(a, initial=1.0)


def test_two_output_arrays_are_refused(a):
    with pytest.raises(Refused, match="exactly one"):
        np.modf(a, out=(a, a))


def test_complex_scatter_add_is_refused(device):
    with pytest.raises(Refused, match="complex64"):
        np.add.at(device.asarray(C64), device.asarray(np.array([0])), device.asarray(C64[:1]))


def test_in_place_matmul_is_refused(a):
    with pytest.raises(Refused, match="in-place @"):
        a @= a


def test_a_result_of_linalg_has_no_named_fields(device):
    result = np.linalg.eigh(device.asarray(F32 @ F32.T))
    assert type(result) is tuple


# ---- what CuPy does silently wrong, or with a hidden wait


def test_an_index_out_of_range_is_refused_where_cupy_wraps_around(device, a):
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        a[device.asarray(np.array([3]))]


def test_shapes_that_depend_on_the_data_are_refused(a):
    masked, where = (lambda: a[a > 0]), (lambda: np.where(a > 0))
    for operation in (masked, where, lambda: np.nonzero(a), lambda: np.unique(a), a.nonzero):
        with pytest.raises(Refused, match="depends on the data"):
            operation()


def test_assigning_rows_through_a_mask_is_refused(a):
    with pytest.raises(Refused, match="depends on the data"):
        a[a[:, 0] > 0] = a[:1]


def test_assigning_to_one_position_twice_is_refused(device, a):
    with pytest.raises(Refused, match="twice"):
        a[device.asarray(np.array([1, 1]))] = a[:2]
