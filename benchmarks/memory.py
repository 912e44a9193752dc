"""What a memory of backpropagation costs: `python -m benchmarks.memory` prints the table of docs/derivations/memory.md.

A step is forward and backward pass on symbols, read out at every step: B = 50, n = 128, float32, one thread. Peak is
that of a process on Linux, over one that holds the batch, all scores and their gradient; time is the median of the
ratios to `store`, in rounds that time one memory after the other in one process.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minirnn import catalog, models
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.memory import keep_freed_memory
from minirnn.tasks import Batch

from .report import processor
from .worker import most_memory, seconds

B, n, n_in, n_out = 50, 128, 10, 9
ROUNDS = 7
LENGTHS = 1000, 4000, 10_000
NETWORKS = {
    "tanh": ("store", "checkpoint"),
    "lstm": ("store", "checkpoint"),
    "abs": ("store", "checkpoint", "reversible"),
    "oplu": ("store", "checkpoint", "reversible"),
    "identity": ("store", "checkpoint", "reversible"),
}


def problem(network: str, T: int) -> tuple[Any, Batch]:
    """A model and a batch; the networks that can be reversed have an orthogonal matrix."""
    rng = np.random.default_rng(0)
    batch = Batch(rng.integers(0, n_in, (T, B)), rng.integers(0, n_out, (T, B)))
    if network == "lstm":
        return models.lstm(n_in, n_out, n, rng=rng, symbols=True), batch
    parametrization = "expmap" if "reversible" in NETWORKS[network] else "dense"
    return models.network(
        n_in, n_out, n, rng=rng, activation=network, parametrization=parametrization, symbols=True
    ), batch


def gradients(memory: str, model: Any, batch: Batch) -> Any:
    return catalog.find("memories", memory)().gradients(model, SoftmaxCrossEntropy(), batch, None, None)


def ratios(network: str, T: int) -> dict[str, float]:
    """{memory: time / time of store}."""
    model, batch = problem(network, T)
    found: dict[str, list[float]] = {name: [] for name in NETWORKS[network]}
    for _ in range(ROUNDS + 1):
        for name, times in found.items():
            times.append(seconds(partial(gradients, name, model, batch)))
    pairs = {name: zip(times[1:], found["store"][1:], strict=True) for name, times in found.items()}
    return {name: median(a / b for a, b in times) for name, times in pairs.items()}


def peak(memory: str, network: str, T: int) -> float:
    """MiB, asked in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.memory", memory, network, str(T)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    return float(found.stdout)


def _step(memory: str, network: str, T: int) -> None:
    """Print the peak, in MiB, of one step over that of a process with what a baseline holds."""
    model, batch = problem(network, T)
    gradients(memory, model, next(batch.chunks(20)))                # what is loaded at first use
    held = np.ones((2, T, B, n_out), np.float32)
    before = most_memory()
    gradients(memory, model, batch)
    print(most_memory() - before)
    del held


def main() -> None:
    keep_freed_memory()
    print(f"{processor()}, NumPy {np.__version__}\n")
    print(f"| network | memory | {' | '.join(f'T = {T:,}' for T in LENGTHS)} | time, T = {LENGTHS[1]:,} |")
    print(f"|---|---|{'---|' * len(LENGTHS)}---|")
    for network, memories in NETWORKS.items():
        times = ratios(network, LENGTHS[1])
        for memory in memories:
            peaks = " | ".join(f"{peak(memory, network, T):.0f} MiB" for T in LENGTHS)
            print(f"| {network} | `{memory}` | {peaks} | {times[memory]:.2f} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        if len(sys.argv) == 4:
            _step(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        else:
            main()
