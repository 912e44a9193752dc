"""How time and memory grow with the sizes: `python -m benchmarks.scaling` prints docs/results/scaling.md.

Time is the processor's time of forward and backward pass, the best of several. Memory is the largest sum of all arrays
alive at once, less those that were there before the step: parameters and batch.
"""

from __future__ import annotations

import sys
import textwrap
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minirnn import catalog, models
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.memory import keep_freed_memory
from minirnn.parametrizations import Givens
from minirnn.tasks import Batch

from .report import processor
from .worker import seconds

Step = Callable[[], Any]

ABOUT = """
One thread, float32. Forward and backward pass of a linear network with an orthogonal matrix, over two decades of
one size. The others are B = 10, n = 32 where T varies; T = 50, B = 20 where n does; T = 100, n = 64 where B does; T
= 1,000, B = 10, n = 32 where K does, the steps that are read; and T = 20, B = 20, n = 256 for the rounds of
rotations. Memory is what the arrays of a step take on top of parameters and batch. The exponents are fitted over
the upper decade and over both. Theory's is that of the leading term; costs that do not depend on the size hide it
where the size is small.
"""


@dataclass(frozen=True)
class Size:
    """T steps, B sequences, n units, K steps that are read, of `classes` scores each; `rounds` of plane rotations."""

    T: int
    B: int
    n: int
    K: int = 1
    classes: int = 10
    rounds: int = 0


@dataclass(frozen=True)
class Series:
    """One size varied over two decades.

    memory         of backpropagation, by name
    time, space    the exponents that theory says; a size's lower-order terms hide them where it is small
    """

    title: str
    start: Size
    varied: str
    values: tuple[int, ...]
    time: float
    space: float
    memory: str = "store"

    def sizes(self) -> list[Size]:
        return [replace(self.start, **{self.varied: value}) for value in self.values]


_T = (100, 320, 1000, 3200, 10_000)
SERIES = (
    Series("T, store", Size(0, 10, 32), "T", _T, 1, 1),
    Series("T, checkpoint", Size(0, 10, 32), "T", _T, 1, 0.5, memory="checkpoint"),
    Series("T, reversible", Size(0, 10, 32), "T", _T, 1, 0, memory="reversible"),
    Series("n", Size(50, 20, 0), "n", (16, 50, 160, 500, 1600), 2, 2),
    Series("B", Size(100, 0, 64), "B", (4, 13, 40, 130, 400), 1, 1),
    Series("K, of 1000 scores each", Size(1000, 10, 32, classes=1000), "K", (10, 32, 100, 320, 1000), 1, 1),
    Series("rounds of plane rotations, at each step", Size(20, 20, 256), "rounds", (2, 7, 20, 70, 200), 1, 0),
)


def step(size: Size, memory: str = "store") -> Step:
    """Forward and backward of an Elman network with a linear activation, in float32.

    Reversible needs an orthogonal matrix, and with this activation keeps no bits; all memories get the same network.
    """
    rng = np.random.default_rng(0)
    model = models.network(
        5, size.classes, size.n, rng=rng, activation="identity", parametrization="orthogonal", dtype=np.float32
    )
    if size.rounds:
        theta = rng.uniform(-np.pi, np.pi, (size.rounds, size.n // 2)).astype(np.float32)
        layer = model.layers[0]
        layer.matrices["W"] = layer.children["W"] = Givens(theta, size.n, per_step=True)
        model.astype(np.float32)
    X = rng.standard_normal((size.T, size.B, 5), dtype=np.float32)
    batch = Batch(X, rng.integers(0, size.classes, (size.K, size.B)))
    loss, kept = SoftmaxCrossEntropy(), catalog.find("memories", memory)()
    kept.check(model)
    return lambda: kept.gradients(model, loss, batch, None, None)


def milliseconds(work: Step) -> float:
    """The best of as many runs as fit into half a second, at least three."""
    first = seconds(work, time.process_time)
    runs = max(3, min(50, int(0.5 / max(first, 1e-9))))
    return 1e3 * min(seconds(work, time.process_time) for _ in range(runs))


def mebibytes(work: Step) -> float:
    """The most that the arrays of one run take, on top of what was there."""
    work()
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 2**20


def exponent(x: Any, y: Any) -> float:
    """b of y ∝ x^b, by least squares on the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def rows(series: Series) -> list[list[str]]:
    """The table's lines of one series: time, then memory."""
    works = [step(size, series.memory) for size in series.sizes()]
    made = []
    for what, measure, theory in (("ms", milliseconds, series.time), ("MiB", mebibytes, series.space)):
        found = [measure(work) for work in works]
        half = len(found) // 2                                      # the upper decade
        fitted = exponent(series.values[half:], found[half:]), exponent(series.values, found)
        numbers = ", ".join(f"{y:.3g}" for y in found)
        values = ", ".join(f"{v:,}" for v in series.values)
        made.append([series.title, values, what, numbers, *(f"{b:.2f}" for b in fitted), f"{theory:g}"])
    return made


def main() -> None:
    keep_freed_memory()
    print("# How time and memory grow\n")
    about = f"Written by `python -m benchmarks.scaling` on {processor()}, NumPy {np.__version__}. {ABOUT}"
    print(textwrap.fill(" ".join(about.split()), 118) + "\n")
    print("| size | values | | measured | upper decade | both | theory |")
    print("|---|---|---|---|---|---|---|")
    with threadpool_limits(1):
        for series in SERIES:
            for row in rows(series):
                print(f"| {' | '.join(row)} |", flush=True)
            print(f"{series.title}: done", file=sys.stderr)


if __name__ == "__main__":
    main()
