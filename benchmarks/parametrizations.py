"""What a constraint costs: `python -m benchmarks.parametrizations` prints docs/results/parametrizations.md.

Per update of a training run, a parametrization makes W once, pulls ∂L/∂W back once, and its parameters are moved once.
These are timed in float32 on one BLAS thread, beside the products that the time loop makes with W. Rounds are
interleaved: each round times every parametrization at every size, so that what slows the machine for a while slows all.
"""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import click
import numpy as np
import scipy.linalg  # noqa: F401 - its BLAS must be loaded to be limited
from threadpoolctl import threadpool_limits

from minirnn import parametrizations as P
from minirnn.initializers import identity, orthogonal
from minirnn.linalg import orthogonality_error
from minirnn.memory import keep_freed_memory
from minirnn.model import walk
from minirnn.optimizers import Adam, Geodesic, Optimizer, PlumbleyMultiplicative
from minirnn.parametrizations.givens import round_robin
from minirnn.paths import join
from minirnn.regularizers import Regularizer, SoftOrthogonality

SIZES = (64, 128, 256, 512)
TIME, BATCH = 220, 50           # of the products W is compared with
SPLIT_AT = 256                  # the size of the second table
ROUNDS = 7
LEAST = 0.01                    # seconds that a timing lasts at least
DRIFT = 99                      # updates before the orthogonality is looked at; `geodesic` corrects at the 100th

Build = Callable[[int, np.random.Generator], P.Parametrization]


class Case(NamedTuple):
    """How the parametrization starts, how many numbers it trains, what moves it."""

    build: Build
    numbers: str
    along: Callable[[], Any] | None = None                      # the rule of what lies on a manifold
    penalty: Regularizer | None = None


def _skew(n: int, rng: np.random.Generator) -> np.ndarray:
    """Skew coordinates that make rotations by angles of order one."""
    return rng.standard_normal((n, n)) / np.sqrt(n)


def _givens(n: int, rng: np.random.Generator, K: int) -> P.Givens:
    return P.Givens(rng.uniform(-0.1, 0.1, (K, n // 2)), n, round_robin)


def _bases(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return orthogonal((n, n), rng), orthogonal((n, n), rng)


CASES = {
    "dense, started at I": Case(lambda n, rng: P.Dense(identity(n)), "n²"),
    "dense, soft penalty": Case(lambda n, rng: P.Dense(identity(n)), "n²", penalty=SoftOrthogonality(0.1)),
    "spectral-norm": Case(lambda n, rng: P.SpectralNorm(orthogonal((n, n), rng)), "n²"),
    "cayley": Case(lambda n, rng: P.Cayley(_skew(n, rng)), "n(n − 1)/2"),
    "expmap": Case(lambda n, rng: P.ExpMap(_skew(n, rng)), "n(n − 1)/2"),
    "based-expmap": Case(lambda n, rng: P.BasedExpMap(_skew(n, rng), orthogonal((n, n), rng)), "n(n − 1)/2"),
    "plumbley": Case(lambda n, rng: P.Plumbley(_skew(n, rng)), "n(n − 1)/2"),
    "givens, K = 8": Case(lambda n, rng: _givens(n, rng, 8), "4n"),
    "givens, K = n − 1": Case(lambda n, rng: _givens(n, rng, n - 1), "n(n − 1)/2"),
    "givens-svd, K = 8": Case(
        lambda n, rng: P.GivensSVD(_givens(n, rng, 8), np.ones(n), _givens(n, rng, 8)), "9n"
    ),
    "orthogonal, geodesic": Case(lambda n, rng: P.Orthogonal(orthogonal((n, n), rng)), "n²", lambda: Geodesic(1e-3)),
    "orthogonal, plumbley-multiplicative": Case(
        lambda n, rng: P.Orthogonal(orthogonal((n, n), rng)), "n²", lambda: PlumbleyMultiplicative(1e-3)
    ),
    "svd-margin, m = 0.1": Case(lambda n, rng: P.SVDMargin(*_bases(n, rng)), "2n² + n", lambda: Geodesic(1e-3)),
    "unitary-product, complex": Case(P.UnitaryProduct.random, "7n"),
    "unitary, geodesic, complex": Case(P.Unitary.sized, "2n²", lambda: Geodesic(1e-3)),
}


class Bench:
    """One parametrization at one size, with its optimizer and a gradient of W, in single precision."""

    def __init__(self, case: Case, n: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.part, self.penalty = case.build(n, rng), case.penalty
        parts = [*walk("", self.part)]
        for _, part in parts:
            for arrays in (part.params, getattr(part, "buffers", {})):
                arrays.update({name: _single(x) for name, x in arrays.items()})
        self.params = {join(path, name): x for path, part in parts for name, x in part.params.items()}
        tags = {join(path, name): tag for path, part in parts for name, tag in part.manifold.items()}
        along = [(name, case.along()) for name in tags] if case.along else []
        self.optimizer = Optimizer(self.params, [*along, ("*", Adam(1e-3))], tags)
        self.rng, self.G = rng, np.empty_like(self.part.matrix()[0])
        self.draw()
        self.made: Any = None
        self.grads: dict[str, Any] = {}

    def draw(self) -> None:
        """A new ∂L/∂W, of norm about √n."""
        G = self.rng.standard_normal(self.G.shape)
        if self.G.dtype.kind == "c":
            G = G + 1j * self.rng.standard_normal(G.shape)
        self.G[...] = G / np.sqrt(len(G))

    def forward(self) -> None:
        """W = P(θ), and the value of the penalty."""
        W, cache = self.part.matrix()
        self.made = W, cache, self.penalty.forward(W)[1] if self.penalty else None

    def backward(self) -> None:
        """∂L/∂W to ∂L/∂θ."""
        _, cache, penalised = self.made
        G = self.G + self.penalty.backward(penalised) if self.penalty else self.G
        self.grads = self.part.pullback(G, cache)

    def update(self) -> None:
        """The rule's step, and what the parametrization does after it."""
        self.optimizer.step(self.params, self.grads)
        for _, part in walk("", self.part):
            part.after_update()

    def error(self) -> float:
        """‖WᴴW − I‖_F, summed in double precision."""
        W = self.part.matrix()[0]
        return float(orthogonality_error(W.astype(np.result_type(W, np.float64))))

    def times(self) -> tuple[float, float, float]:
        """Milliseconds of the three, means over as many repetitions as last long enough."""
        found = []
        for work in (self.forward, self.backward, self.update):
            work()
            repetitions, start = 0, time.perf_counter()
            while time.perf_counter() - start < LEAST:
                work()
                repetitions += 1
            found.append(1e3 * (time.perf_counter() - start) / repetitions)
        return found[0], found[1], found[2]


class Found(NamedTuple):
    """times   {(name, n): [(forward, backward, update) of each round]}, in milliseconds
    products  {n: [of each round]}, of the T products h Wᵀ of one pass
    errors    {name: ‖WᴴW − I‖ at the start and after some updates}
    """

    times: dict[tuple[str, int], list[tuple[float, float, float]]]
    products: dict[int, list[float]]
    errors: dict[str, tuple[float, float]]


def measure(sizes: Sequence[int], rounds: int, split_at: int) -> Found:
    """All rounds, then the drift from fresh starts at the size `split_at`."""
    benches = {(name, n): Bench(case, n) for name, case in CASES.items() for n in sizes}
    found = Found({key: [] for key in benches}, {n: [] for n in sizes}, {})
    for _ in range(rounds):
        for n in sizes:
            found.products[n].append(products(n))
        for key, bench in benches.items():
            found.times[key].append(bench.times())
    for name, case in CASES.items():
        bench = Bench(case, split_at)
        start = bench.error()
        for _ in range(DRIFT):
            bench.draw()
            bench.forward()
            bench.backward()
            bench.update()
        found.errors[name] = start, bench.error()
    return found


def products(n: int) -> float:
    """Milliseconds of h ← h Wᵀ, h (BATCH, n), TIME times: what one forward pass through time does with W."""
    W = identity(n).astype(np.float32)
    h = np.ones((BATCH, n), dtype=np.float32)
    start = time.perf_counter()
    for _ in range(TIME):
        h = h @ W
    return 1e3 * (time.perf_counter() - start)


def page(found: Found, sizes: Sequence[int], rounds: int, split_at: int, load: str) -> str:
    """The measurements as Markdown."""
    lines = [
        "# What a constraint costs",
        "",
        "Written by `python -m benchmarks.parametrizations`, seed 0, float32, one BLAS thread,",
        f"{processor()}, {datetime.date.today()}, NumPy {np.__version__}.",
        f"{rounds} interleaved rounds; medians (smallest .. largest). Load average before the start: {load}.",
        "[Orthogonality in practice](../guides/orthogonality.md) says what the rows mean.",
        "",
        "## Per update, in milliseconds",
        "",
        "Making W, pulling ∂L/∂W back and moving the parameters, once each: by Adam, or by the rule that the row",
        f"names. The first row is for scale: the {TIME} products of one forward pass through time, W times {BATCH}",
        "states. Forward and backward together do about three times that; with complex numbers a product costs four",
        "times as much.",
        "",
        "| | " + " | ".join(f"n = {n}" for n in sizes) + " |",
        "|---|" + "---|" * len(sizes),
        f"| {TIME} products (50, n) (n, n) | " + " | ".join(spread(found.products[n]) for n in sizes) + " |",
    ]
    for name in CASES:
        cells = [spread([sum(t) for t in found.times[name, n]]) for n in sizes]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"## The parts, at n = {split_at}",
        "",
        f"‖WᴴW − I‖ (Frobenius) is that of the float32 matrix, at the start and after {DRIFT} updates with random",
        "gradients, before the rules that move along a manifold correct rounding for the first time. Where W is not",
        "meant to stay orthogonal, it says how far it went.",
        "",
        "| | numbers trained | make W | pull back | update | ‖WᴴW − I‖ at first | and then |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, case in CASES.items():
        parts = [f"{median(times):.2f}" for times in zip(*found.times[name, split_at], strict=True)]
        errors = [f"{error:.1e}" for error in found.errors[name]]
        lines.append(f"| {name} | {case.numbers} | " + " | ".join([*parts, *errors]) + " |")
    return "\n".join(lines) + "\n"


def spread(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} .. {max(values):.2f})"


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _single(x: np.ndarray) -> np.ndarray:
    return x.astype({"f": np.float32, "c": np.complex64}.get(x.dtype.kind, x.dtype))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=ROUNDS, show_default=True)
@click.option("--size", "-n", "sizes", type=click.IntRange(10), multiple=True, default=SIZES, show_default=True)
def main(rounds: int, sizes: tuple[int, ...]) -> None:
    """Time every parametrization of a square recurrent matrix, and print the page of docs/results."""
    keep_freed_memory()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    split_at = SPLIT_AT if SPLIT_AT in sizes else sizes[0]
    with threadpool_limits(1):
        found = measure(sizes, rounds, split_at)
    click.echo(page(found, sizes, rounds, split_at, load), nl=False)


if __name__ == "__main__":
    main()
