"""Freed arrays stay with the process: asked in a process of its own, since the setting cannot be taken back."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from minirnn.memory import keep_freed_memory

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
