"""Two choices of the time loop, timed: `python -m benchmarks.time_loop` prints what docs/derivations/bptt.md quotes.

Float32, one BLAS thread, interleaved rounds. How the sum over time in W̄ is cut, and what zeroing vanished gradients
saves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from unittest import mock

import click
import numpy as np
from threadpoolctl import threadpool_limits

from minirnn import unroll
from minirnn.cells import Elman
from minirnn.initializers import orthogonal
from minirnn.linalg import outer_sum
from minirnn.memory import keep_freed_memory

ROUNDS = 15
BATCH, UNITS = 32, 128


def summed(T: int) -> dict[str, Callable[[], np.ndarray]]:
    """W̄ = Σ_t z̄_t h_{t-1}ᵀ over T steps, cut in three ways."""
    rng = np.random.default_rng(0)
    W = np.zeros((UNITS, UNITS), dtype=np.float32)
    dZ, H = rng.standard_normal((2, T, BATCH, UNITS), dtype=np.float32)

    def cut(steps: int) -> np.ndarray:
        dW = np.zeros_like(W)
        for start in range(0, T, steps):
            dW += outer_sum(W, dZ[start : start + steps], H[start : start + steps])
        return dW

    return {
        "one product per step": lambda: cut(1),
        f"one product per segment of {unroll.SEGMENT} steps": lambda: cut(unroll.SEGMENT),
        "one product for all steps": lambda: cut(T),
    }


def vanishing(T: int) -> dict[str, Callable[[], np.ndarray]]:
    """Backward through T steps of tanh with W = 0.3 Q, from the last step alone, with and without zeroing."""
    rng = np.random.default_rng(0)
    w = SimpleNamespace(W=(0.3 * orthogonal((UNITS, UNITS), rng)).astype(np.float32))
    A = rng.standard_normal((T, BATCH, UNITS), dtype=np.float32)
    cell, start = Elman(), (np.zeros((BATCH, UNITS), dtype=np.float32),)
    tape = unroll.forward(cell, A, start, w)
    dH = rng.standard_normal((1, BATCH, UNITS), dtype=np.float32)

    def backward() -> np.ndarray:
        return unroll.backward(cell, dH, tape, w, lambda steps, dA: None)[1]["W"]

    def without() -> np.ndarray:
        with mock.patch.object(unroll, "_flush", lambda d: d):
            return backward()

    return {"backward, vanished gradients zeroed": backward, "backward, left denormal": without}


def measure(works: dict[str, Callable[[], np.ndarray]], rounds: int) -> dict[str, list[float]]:
    """{name: milliseconds of each round}, taken in turns after one round to warm up."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            found[name].append(1e3 * (time.perf_counter() - start))
    return {name: ms[1:] for name, ms in found.items()}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=ROUNDS, show_default=True)
@click.option("--length", "-T", type=click.IntRange(1), default=1000, show_default=True, help="Steps of time.")
def main(rounds: int, length: int) -> None:
    """Time how W̄ is summed over time, and the backward pass with and without zeroing vanished gradients."""
    keep_freed_memory()
    click.echo(f"T = {length}, {BATCH} rows, n = {UNITS}: milliseconds, median (smallest .. largest), {rounds} rounds")
    with threadpool_limits(1):
        for works in (summed(length), vanishing(length)):
            for name, ms in measure(works, rounds).items():
                click.echo(f"  {name:40} {median(ms):6.1f} ({min(ms):.1f} .. {max(ms):.1f})")


if __name__ == "__main__":
    main()
