"""Freed arrays stay with the process: asked in a process of its own, since the setting cannot be taken back.

And where the arrays of the time loop begin, and how many rows one pass takes.
"""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn.memory import CACHED, LINE, aligned, cached_rows, empty, keep_freed_memory, spaced

COUNT_FAULTS = """
import resource, sys
import numpy as np
from minirnn.memory import keep_freed_memory

kept = keep_freed_memory() if sys.argv[1] == "keep" else False

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**21)                       # 16 MiB, 4096 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(int(kept), faults())
"""


def _count_faults(setting):
    found = subprocess.run([sys.executable, "-c", COUNT_FAULTS, setting], capture_output=True, text=True, check=True)
    kept, faults = map(int, found.stdout.split())
    return bool(kept), faults


@pytest.mark.skipif(sys.platform == "win32", reason="page faults are counted by getrusage")
def test_the_second_array_of_a_size_faults_no_pages_in():
    kept, faults = _count_faults("keep")
    if not kept:
        pytest.skip("the C library here has no mallopt")
    assert faults < 100


@pytest.mark.parametrize("library", [SimpleNamespace(), SimpleNamespace(mallopt=lambda parameter, value: 0)])
def test_a_c_library_without_it_is_left_alone(monkeypatch, library):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    assert keep_freed_memory() is False


def test_an_old_glibc_gets_the_largest_threshold_it_takes(monkeypatch):
    taken = []

    def mallopt(parameter, value):
        if parameter == -3 and value > 2**25:
            return 0
        taken.append((parameter, value))
        return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory() is True
    assert taken == [(-3, 2**25), (-1, 2**31 - 1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("shape", [(3,), (1, 1), (5, 7, 3)])
def test_an_aligned_array_begins_with_a_cache_line_and_is_writable(shape, dtype):
    x = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    for _ in range(8):
        room, y = empty(shape, x), aligned(x)
        for array in (room, y):
            assert array.ctypes.data % LINE == 0
            assert (array.shape, array.dtype) == (x.shape, x.dtype)
            assert array.flags.c_contiguous
            assert array.flags.writeable
        np.testing.assert_array_equal(y, x)
        assert not np.shares_memory(y, x)


def test_a_matrix_laid_out_by_columns_is_copied_by_rows():
    W = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert aligned(W).flags.c_contiguous
    np.testing.assert_array_equal(aligned(W), W)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("columns", [1, 4, 16, 17, 100, 128, 129, 512])
def test_the_rows_of_a_spaced_matrix_fill_every_place_of_the_cache(columns, dtype):
    """An odd number of lines is prime to the number of places, a power of two: each column meets every place."""
    M = np.arange(3.0 * columns).reshape(3, columns).astype(dtype)
    found = spaced(M)
    lines, rest = divmod(found.strides[0], LINE)
    assert (lines % 2, rest, found.ctypes.data % LINE, found.strides[1]) == (1, 0, 0, M.itemsize)
    assert columns * M.itemsize <= lines * LINE < columns * M.itemsize + 2 * LINE
    np.testing.assert_array_equal(found, M)
    assert not np.shares_memory(found, M)


def test_room_on_a_device_stays_there():
    x = StrictDevice().asarray(np.ones((2, 3), np.float32))
    assert type(empty((4, 3), x)) is type(x)
    assert type(aligned(x)) is type(x)


@pytest.mark.parametrize("shape", [
    (1, 3), (5, CACHED), (7, 2 * CACHED), (100, CACHED // 16), (0, 4), (3, 0), (2 * CACHED + 1,), (5, 3, CACHED // 4),
])
def test_every_row_is_passed_over_once(shape):
    rows = list(cached_rows(np.empty(shape, np.float32)))
    assert [k for part in rows for k in range(shape[0])[part]] == [*range(shape[0])]
    width = np.prod(shape[1:])
    assert all((part.stop - part.start) * width <= CACHED or part.stop - part.start == 1 for part in rows)


def test_a_device_is_given_all_rows_at_once():
    assert list(cached_rows(StrictDevice().asarray(np.ones((4, CACHED), np.float32)))) == [slice(0, 4)]
