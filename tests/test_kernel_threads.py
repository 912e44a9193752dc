"""The threads of a kernel, run on the host one by one: any order gives the same, and every barrier is needed."""

import re

import numpy as np
import pytest
from emulated import COMPILER, EmulatedDevice
from kernel_problems import SMALL, Problem, assert_agree, cells, kernel_folder

from minirnn.kernels import programs

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler, g++ or clang++, to run the kernels")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return kernel_folder(tmp_path_factory)


@pytest.mark.parametrize("label", ["elman oplu", "elman tanh", "lstm ", "gru reset after"])
def test_the_order_in_which_threads_run_changes_nothing(label, folder):
    T, B, n = SMALL
    problem = Problem(cells(n)[label], T, B, n, np.float32)
    for walk in ("elementwise", "sequence"):
        up, down = (problem.run(walk, EmulatedDevice(folder, descending=order)) for order in (False, True))
        for name in up:
            np.testing.assert_array_equal(up[name], down[name], err_msg=f"{walk} {name}")


BARRIERS = [
    (walk, k) for walk in ("elementwise", "sequence")
    for k in range((programs.FOLDER / f"{walk}.cu").read_text(encoding="utf-8").count("__syncthreads();"))
]


@pytest.mark.parametrize(("walk", "which"), BARRIERS)
def test_a_missing_barrier_is_noticed(walk, which, folder):
    """The control of the test before: without any one barrier, some order of the threads gives something else."""
    T, B, n = 3, 2, 34
    problem = Problem(cells(n)["elman oplu"], T, B, n, np.float32)
    wanted = problem.run()

    def without(text):
        at = [found.start() for found in re.finditer(r"__syncthreads\(\);", text)][which]
        return text[:at] + text[at:].replace("__syncthreads();", "", 1)

    def fails(descending):
        try:
            assert_agree(problem.run(walk, EmulatedDevice(folder, descending=descending, edit=without)), wanted, T)
        except AssertionError:
            return True
        return False

    assert fails(False) or fails(True)
