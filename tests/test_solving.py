"""Linear algebra in the precision of its arguments: how exact, on how many threads, and how it fails."""

import subprocess
import sys
from pathlib import Path

import fake_cupy
import numpy as np
import pytest

from minirnn import backend
from minirnn.backend import solving


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64, np.complex128])
@pytest.mark.parametrize("columns", [(), (1,), (4,)])
def test_solve_keeps_the_precision_and_is_backward_stable(dtype, columns):
    rng, n = np.random.default_rng(5), 30
    A, B = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((n, n), (n, *columns)))
    if np.dtype(dtype).kind == "f":
        A, B = A.real, B.real
    A, B = A.astype(dtype), B.astype(dtype)
    A_before, B_before = A.copy(), B.copy()
    X = backend.solve(A, B)
    assert (X.dtype, X.shape) == (dtype, B.shape)
    residual = np.linalg.norm(A @ X - B) / (np.linalg.norm(A) * np.linalg.norm(X))
    assert residual < n * np.finfo(dtype).eps  # LU with partial pivoting: backward error of order n eps
    np.testing.assert_array_equal(A, A_before)
    np.testing.assert_array_equal(B, B_before)


def test_solve_takes_a_stack_of_systems():
    A = np.eye(3, dtype=np.float32) * np.arange(1, 3, dtype=np.float32)[:, None, None]
    np.testing.assert_array_equal(backend.solve(A, A), np.broadcast_to(np.eye(3, dtype=np.float32), A.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_solve_raises_on_a_singular_matrix(dtype):
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        backend.solve(np.zeros((2, 2), dtype), np.ones(2, dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.float64, np.complex128])
def test_inverse_keeps_the_precision_and_is_as_good_as_the_condition_number(dtype):
    rng, n = np.random.default_rng(6), 30
    A = np.identity(n) + (rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))) / (4 * np.sqrt(n))
    A = (A.real if np.dtype(dtype).kind == "f" else A).astype(dtype)
    before = A.copy()
    R = backend.inverse(A)
    assert R.dtype == dtype
    bound = n * np.finfo(dtype).eps * np.linalg.norm(A) * np.linalg.norm(R)    # Frobenius norms: above κ
    assert np.linalg.norm(R @ A - np.identity(n)) < bound
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inverse_raises_on_a_singular_matrix_and_hands_nan_on(dtype):
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        backend.inverse(np.zeros((2, 2), dtype))
    found = backend.inverse(np.full((2, 2), np.nan, dtype))
    assert np.isnan(found).any(axis=1).all()                        # whatever it is multiplied with, all becomes nan


@pytest.mark.parametrize(("file", "own"), [
    ("/lib/site-packages/scipy.libs/libscipy_openblas-1.so", True),
    ("/lib/site-packages/scipy/.dylibs/libscipy_openblas.dylib", True),
    ("/lib/site-packages/numpy.libs/libscipy_openblas64_-1.so", False),
    ("/home/scipy/lib/site-packages/numpy.libs/libscipy_openblas64_-1.so", False),
    ("/usr/lib/libopenblas.so.0", False),
])
def test_what_is_scipys_alone_is_told_by_its_folder(file, own):
    assert solving._scipys(Path(file)) is own


@pytest.mark.parametrize("routine", ["solve(A, A)", "inverse(A)"])
@pytest.mark.parametrize("limit", [1, 2])
def test_scipys_own_blas_keeps_to_one_thread_and_numpys_to_what_was_set(routine, limit):
    program = f"""
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from minirnn import backend
A = np.eye(2, dtype=np.float32)
for _ in range(2):
    with threadpool_limits({limit}):
        backend.{routine}
        pools = {{"scipy.libs" in pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}}
    assert pools in ({{True: 1, False: {limit}}}, {{False: {limit}}}), pools    # one that both share is left alone
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_linalg_errors_asks_cupy_to_raise_and_takes_it_back(monkeypatch):
    device = fake_cupy.install(monkeypatch)
    there = device.asarray(np.eye(2))
    with backend.linalg_errors(np.ones(2)):
        assert device.linalg == "ignore"
    with backend.linalg_errors(there):
        assert device.linalg == "raise"
    assert device.linalg == "ignore"


@pytest.mark.parametrize("routine", [
    backend.eig, backend.eigh, backend.svd, lambda M: (backend.solve(M, M),), lambda M: (backend.inverse(M),),
])
def test_every_routine_that_can_fail_asks_for_its_return_code(monkeypatch, routine):
    device = fake_cupy.install(monkeypatch)
    M = np.diag([1.0, 2.0, 4.0])
    for here, there in zip(routine(M), routine(device.asarray(M)), strict=True):
        np.testing.assert_array_equal(there.get(), here)
    assert device.return_codes == 1


def test_the_stand_in_refuses_linear_algebra_whose_failure_would_go_unseen(monkeypatch):
    there = fake_cupy.install(monkeypatch).asarray(np.eye(2))
    with pytest.raises(TypeError, match=r"use backend\.eigh"):
        np.linalg.eigh(there)
