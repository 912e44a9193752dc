"""How much memory one training step takes, asked in a process of its own."""

import subprocess
import sys

import pytest

PEAK = """
import re, sys
import numpy as np
from minirnn import catalog, models
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.tasks.base import Batch

memory, activation, (T, B, n) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
rng = np.random.default_rng(0)
batch = Batch(rng.integers(0, 10, (T, B)), rng.integers(0, 9, (T, B)))
options = {"activation": activation, "parametrization": "expmap" if memory == "reversible" else "dense"}
model = models.network(10, 9, n, rng=rng, symbols=True, **options)
memory = catalog.find("memories", memory)()
memory.gradients(model, SoftmaxCrossEntropy(), next(batch.chunks(20)), None, None)
scores, gradient = np.ones((2, T, B, 9), np.float32)                # what a baseline holds besides the batch


def peak():                                                         # in kiB; ru_maxrss would begin with the parent's
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])


before = peak()
memory.gradients(model, SoftmaxCrossEntropy(), batch, None, None)
print(peak() - before)
"""


def peak(*words):
    """MiB of one training step above a process that holds the batch, all scores and their gradient."""
    command = [sys.executable, "-c", PEAK, *map(str, words)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(found.stdout) / 2**10


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="the peak is told by /proc/self/status")


@needs_proc
def test_ten_thousand_steps_of_checkpoints_fit_into_64_mib():
    assert peak("checkpoint", "tanh", 10_000, 50, 128) < 64         # storing them would take 500 and more


@needs_proc
@pytest.mark.parametrize(("memory", "activation", "most"), [
    ("checkpoint", "tanh", 4),      # 2 √T: twice as many states at four times the length, 64 kiB each
    ("reversible", "abs", 4),       # 6000 steps of 2 kiB of bits, a byte for eight units, and six anchors
    ("reversible", "identity", 2),  # six anchors
])
def test_memory_hardly_grows_with_the_number_of_steps(memory, activation, most):
    short, long = (peak(memory, activation, T, 32, 64) for T in (2000, 8000))
    assert long - short < most


@needs_proc
def test_stored_states_grow_with_the_number_of_steps():
    short, long = (peak("store", "tanh", T, 32, 64) for T in (2000, 8000))
    assert 47 < long - short < 2 * 47                               # H, 47 MiB, and no gradient of the same size
