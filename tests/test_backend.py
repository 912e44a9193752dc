"""The edge to CuPy: moving, adding at repeated indices, and saying why there is no GPU."""

import dataclasses
import subprocess
import sys
from typing import Any, NamedTuple

import fake_cupy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_array import StrictArray, StrictDevice

from minirnn import backend
from minirnn.errors import UsageError

# ---- moving


class Pair(NamedTuple):
    x: Any
    y: Any


@dataclasses.dataclass(frozen=True)
class Rows:
    ids: Any
    values: Any


def test_a_tree_goes_to_the_device_and_back_unchanged():
    device, rng = StrictDevice(), np.random.default_rng(0)
    x = np.arange(6.0).reshape(2, 3)
    tree = {"a": x, "b": [x, None, 3], "c": Pair(x, (1.5, "name")), "d": Rows(x, rng), "e": ()}
    there = backend.to(tree, device)
    assert device.to_device == 4
    assert isinstance(there["c"], Pair)
    assert isinstance(there["d"].ids, StrictArray)
    assert there["b"][1:] == [None, 3]
    assert there["d"].values is rng
    back = backend.to(there, "numpy")
    assert back["c"].y == (1.5, "name")
    for array in (back["a"], back["b"][0], back["c"].x, back["d"].ids):
        np.testing.assert_array_equal(array, x)


def test_an_array_that_is_there_already_is_returned_itself():
    device, host = StrictDevice(), np.ones(3)
    there = backend.to(host, device)
    assert backend.to(host, "numpy") is host
    assert backend.to(there, device) is there
    assert device.transfers == 1


def test_numbers_come_to_the_host_in_one_copy():
    device = StrictDevice()
    there = [device.asarray(np.float32(k)) for k in (1, 2)]
    yes = device.asarray(np.bool_(True))
    assert backend.numbers([there[0], 3, np.float32(0.5), there[1], yes]) == [1, 3, 0.5, 2, 1]
    assert device.to_host == 1
    assert backend.numbers([]) == []
    assert backend.numbers(iter([1, np.float32(0.1)])) == [1, float(np.float32(0.1))]


def test_numpy_scalars_and_lists_are_not_device_arrays():
    assert not any(backend.is_device(x) for x in (np.float32(1), np.ones(2), [1.0], 2.0, None, {"get": 1}))
    assert backend.is_device(StrictDevice().asarray(np.ones(2)))


def test_to_host_of_a_scalar_is_an_array():
    assert backend.to_host(np.float32(2)).shape == ()


def test_synchronize_waits_for_the_device_that_holds_the_array():
    device = StrictDevice()
    backend.synchronize(device.asarray(np.ones(2)))
    backend.synchronize(np.ones(2))
    assert device.synchronized == 1


# ---- adding at repeated indices


@st.composite
def scatter(draw):
    rows, width = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float32, np.float64, np.complex64, np.int64]))
    trailing = draw(st.sampled_from([(), (width,), (2, width)]))
    values = rng.integers(-9, 9, (*shape, *trailing))  # small integers: sums are exact in any order
    return rng.integers(0, rows, shape), values.astype(dtype), np.ones((rows, *trailing), dtype)


@given(scatter())
def test_add_at_adds_every_duplicate(case):
    ids, values, target = case
    expected = target.copy()
    for position in np.ndindex(ids.shape):
        expected[ids[position]] += values[position]
    device = StrictDevice()
    target_there = device.asarray(target)
    backend.add_at(target_there, device.asarray(ids), device.asarray(values))
    backend.add_at(target, ids, values)
    np.testing.assert_array_equal(target, expected)
    np.testing.assert_array_equal(target_there.get(), expected)
    assert target.dtype == values.dtype


@pytest.mark.parametrize("bad", [-1, 3])
def test_add_at_refuses_ids_that_would_wrap_around(bad):
    target = np.zeros((3, 2))
    with pytest.raises(UsageError, match=r"outside 0\.\.2"):
        backend.add_at(target, np.array([0, bad]), np.ones((2, 2)))
    assert not target.any()


def test_add_at_is_the_same_on_the_device_bit_for_bit():
    rng, device = np.random.default_rng(3), StrictDevice()
    ids, values = rng.integers(0, 4, 50), rng.standard_normal((50, 3)).astype(np.float32)
    here, there = np.zeros((4, 3), np.float32), device.asarray(np.zeros((4, 3), np.float32))
    backend.add_at(here, ids, values)
    backend.add_at(there, device.asarray(ids), device.asarray(values))
    assert here.tobytes() == there.get().tobytes()


# ---- which backend


def no_library(*args, **kwargs):
    raise ImportError("libcublasLt.so.12")


def no_kernel(*args, **kwargs):
    raise fake_cupy.CUDARuntimeError("cudaErrorNoKernelImageForDevice: two\nlines")


def no_memory(*args, **kwargs):
    raise fake_cupy.OutOfMemoryError(4, 0)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no driver": ({"driver": 0}, "no NVIDIA driver"),
    "driver a major version behind": ({"driver": 11040}, "CUDA 11.4, but this CuPy is built for CUDA 12.9"),
    "driver too old within the version": ({"error": "cudaErrorInsufficientDriver: ..."}, "too old"),
    "no device by error": ({"error": "cudaErrorNoDevice: no CUDA-capable device"}, "finds no device"),
    "no device by count": ({"devices": 0}, "finds no device"),
    "another CUDA error": ({"error": "cudaErrorSystemNotReady"}, "CUDA does not start: cudaErrorSystemNotReady"),
    "no cuBLAS": ({"ones": no_library}, r"a library of CUDA is missing \(libcublasLt.so.12\)"),
    "computes nothing": ({"ones": no_kernel}, r"cannot compute on it \(cudaErrorNoKernelImageForDevice: two lines\)"),
    "no memory left": ({"ones": no_memory}, r"cannot compute on it \(Out of memory allocating 4 bytes"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_cupy_never_falls_back_and_auto_does(monkeypatch, case):
    machine, sentence = BROKEN[case]
    fake_cupy.install(monkeypatch, **machine)
    with pytest.raises(UsageError, match=sentence) as caught:
        backend.resolve("cupy")
    assert caught.value.exit_code == 2
    assert backend.resolve("auto") == "numpy"
    status = backend.cuda_status()
    assert not status.usable
    assert status.reason in str(caught.value)
    assert "\n" not in status.reason


def test_without_cupy_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(UsageError, match=r"pip install 'minirnn\[cuda12\]'"):
        backend.resolve("cupy")
    assert backend.resolve("auto") == "numpy"


def test_a_cupy_that_does_not_import_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / "cupy.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert "cannot be imported: No module named 'a_module_that_is_not_there'" in backend.cuda_status().reason


def test_a_working_device_is_used_and_described(monkeypatch):
    fake_cupy.install(monkeypatch, devices=2)
    assert backend.resolve("cupy") == backend.resolve("auto") == "cupy"
    assert backend.cuda_status() == backend.CudaStatus(True, "", "14.0.0", "12.4", "12.9", ("GPU 0", "GPU 1"))


def test_to_cupy_uses_cupys_asarray(monkeypatch):
    fake_cupy.install(monkeypatch)
    assert isinstance(backend.to({"x": np.ones(2)}, "cupy")["x"], StrictArray)


@pytest.mark.parametrize("name", ["cupy", "auto"])
def test_a_device_that_does_not_exist_is_refused_with_those_that_do(monkeypatch, name):
    fake_cupy.install(monkeypatch, devices=2)
    assert backend.resolve(name, 1) == "cupy"
    with pytest.raises(UsageError, match=r"there is no device 2: 0 is GPU 0, 1 is GPU 1; name one of 0\.\.1"):
        backend.resolve(name, 2)


def test_select_makes_a_device_the_one_where_arrays_are_made(monkeypatch):
    first, second = fake_cupy.install(monkeypatch, devices=2)
    backend.select(1)
    assert backend.to(np.ones(2), "cupy").device is second
    backend.select(0)
    assert backend.to(np.ones(2), "cupy").device is first


def test_numpy_asks_nobody(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert backend.resolve("numpy") == "numpy"


def test_an_unknown_backend_is_named_in_the_error():
    with pytest.raises(UsageError, match="unknown backend 'torch'"):
        backend.resolve("torch")


def test_importing_the_backend_imports_neither_cupy_nor_scipy():
    code = "import sys, minirnn.backend; sys.exit(any(m in sys.modules for m in ('cupy', 'cupyx', 'scipy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.gpu
def test_on_a_real_device_add_at_and_solve_agree_with_the_host():
    status = backend.cuda_status()
    if not status.usable:
        pytest.skip(status.reason)
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.complex64):
        ids, values = rng.integers(0, 5, (7, 3)), rng.integers(-9, 9, (7, 3, 2)).astype(dtype)
        here = np.zeros((5, 2), dtype)
        there = backend.to(here.copy(), "cupy")
        backend.add_at(here, ids, values)
        backend.add_at(there, *backend.to((ids, values), "cupy"))
        np.testing.assert_array_equal(backend.to_host(there), here)
        A, B = (rng.standard_normal((6, 6)) + 3 * np.eye(6)).astype(dtype), rng.standard_normal((6, 2)).astype(dtype)
        X = backend.solve(*backend.to((A, B), "cupy"))
        np.testing.assert_allclose(backend.to_host(X), backend.solve(A, B), rtol=1e-4, atol=1e-5)
    with pytest.raises(np.linalg.LinAlgError):
        backend.solve(*backend.to((np.zeros((2, 2)), np.ones((2, 1))), "cupy"))
