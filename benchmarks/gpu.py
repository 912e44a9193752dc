"""`python -m benchmarks.gpu`: on a CUDA device, the tests that need one, then times, written to docs/results/gpu.md.

A training step (forward, full backpropagation through time, Adam) in float32, of minirnn with each of its kernels, of
torch.nn, which calls cuDNN, and of a loop over torch's cells. All start from minirnn's weights, and must find its loss.
Engines take turns, A B A B; a round is the time of several steps, waited for at their end, divided by their number.
"""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np

from minirnn import backend, checkpoint
from minirnn.errors import CheckFailed, UsageError

from .engines import Minirnn
from .gpu_engines import Ours, Torch
from .workloads import GATES, WORKLOADS, Workload

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "results" / "gpu.md"
AGREE = 1e-4            # relative difference of the losses
WARM_UP, STEPS = 3, 5
W1, W4 = WORKLOADS["W1"], WORKLOADS["W4"]
W5 = replace(WORKLOADS["W5"], title="GRU language model, its embedding given", words=False)


def varied(base: Workload, what: str, k: int) -> Workload:
    """`base` with k steps, units or examples; it is read at every step."""
    given: dict[str, Any] = {what: k, "read": k if what == "T" else base.read}
    return replace(base, name=f"{what} = {k}", **given)


SWEEPS = {
    f"{label}, over {what}": [varied(base, what, k) for k in sizes]
    for label, base in (("tanh", W1), ("LSTM", W4))
    for what, sizes in (("T", (50, 220, 784, 2000)), ("n", (32, 64, 128, 256, 512)), ("B", (1, 10, 50, 200, 1000)))
}
ENGINES = ("auto", "sequence", "elementwise", "step", "torch.nn", "torch loop", "host")


def engines(workload: Workload, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Each engine that serves the workload, after it has found the host's loss.

    raises CheckFailed if one has not
    """
    host = Minirnn(workload, 1)
    weights, L = dict(host.model.params), host.gradients()[0]
    for name in names:
        try:
            torch = name.startswith("torch")
            engine: Any = Torch(workload, weights, name == "torch loop") if torch else Ours(workload, name)
        except (UsageError, ImportError):       # this kernel does not serve the size, or there is no torch
            continue
        if not abs(engine.value() - L) <= AGREE * abs(L):
            raise CheckFailed(f"{name} on {workload.name} finds the loss {engine.value():.6f}, the host {L:.6f}")
        yield name, engine


def measure(workload: Workload, names: tuple[str, ...], rounds: int) -> dict[str, float]:
    """{engine: milliseconds of a training step}, medians of interleaved rounds."""
    found: dict[str, list[float]] = {}
    made = dict(engines(workload, names))
    for engine in made.values():
        for _ in range(WARM_UP):
            engine.step()
    for _ in range(rounds):
        for name, engine in made.items():
            found.setdefault(name, []).append(milliseconds(engine.step, engine.wait))
    return {name: median(ms) for name, ms in found.items()}


def milliseconds(work: Callable[[], Any], wait: Callable[[], Any], count: int = STEPS) -> float:
    wait()
    start = time.perf_counter()
    for _ in range(count):
        work()
    wait()
    return 1e3 * (time.perf_counter() - start) / count


def limits() -> tuple[float, float]:
    """(milliseconds of launching one small kernel, bytes per millisecond of copying a large array)."""
    one = backend.to(np.ones(1, np.float32), "cupy")
    large = backend.to(np.ones(2**26, np.float32), "cupy")
    target = np.empty_like(large)

    def wait() -> None:
        backend.synchronize(one)

    launch = min(milliseconds(lambda: np.add(one, one, out=one), wait, 1000) for _ in range(5))
    copy = min(milliseconds(lambda: np.copyto(target, large), wait) for _ in range(5))
    return launch, 2 * large.nbytes / copy


def traffic(workload: Workload) -> int:
    """Bytes that the recurrence alone must read or write: a and what is kept, h, ∂L/∂a and ∂L/∂h, both directions."""
    G, states = GATES[workload.cell], 1 + (workload.cell == "lstm")
    numbers = 2 * G + states + (G > 1) + G + states + (G > 1) + G + 1
    return 4 * workload.T * workload.B * workload.n * numbers


def page(
    status: backend.CudaStatus, tests: str, found: dict[str, dict[str, dict[str, float]]], rounds: int, launch: float,
    rate: float,
) -> str:
    """docs/results/gpu.md."""
    lines = [
        "# On a GPU, measured", "",
        f"Written by `python -m benchmarks.gpu` on {status.devices[0]}, {datetime.date.today()}: driver for CUDA",
        f"{status.driver}, CuPy {status.cupy}, {_torch()}. The tests that need a device: {tests}.", "",
        f"Milliseconds of a training step in float32, medians of {rounds} interleaved rounds; `-` where an engine does",
        f"not serve. `host` is NumPy with one thread. Launching a small kernel takes {1e3 * launch:.1f} µs here, and",
        f"copying moves {rate / 1e6:.0f} GB/s. *Launches* is the time of `auto` per step of time, in launches;",
        "*bandwidth* is the time in which the recurrence's arrays could be moved, over the time of `auto`.",
        "[Kernels](../kernels.md) says what the engines are.",
    ]
    titles = ["", *ENGINES, "torch.nn / auto", "launches", "bandwidth"]
    for title, workloads in CASES.items():
        lines += ["", f"## {title}", "", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
        faster = []
        for workload in workloads:
            ms = found[title][workload.name]
            auto = ms["auto"]
            times = [f"{ms[engine]:.2f}" if engine in ms else "-" for engine in ENGINES]
            ratio = f"{ms['torch.nn'] / auto:.2f}" if "torch.nn" in ms else "-"
            fractions = [f"{auto / workload.T / launch:.1f}", f"{traffic(workload) / rate / auto:.1%}"]
            lines.append(f"| {' | '.join([workload.name, *times, ratio, *fractions])} |")
            faster += [workload.name] * (auto < ms.get("host", 0))
        lines += ["", f"Faster than the host: {', '.join(faster) or 'none'}."]
    return "\n".join(lines) + "\n"


CASES = {"Workloads": [*(WORKLOADS | {"W5": W5}).values()], **SWEEPS}


def _torch() -> str:
    try:
        import torch
    except ImportError:
        return "no torch"
    return f"torch {torch.__version__} with cuDNN {torch.backends.cudnn.version()}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--host/--no-host", default=True, help="Time NumPy on the host too, which takes longest.")
@click.option("--tests/--no-tests", default=True, help="Run the tests that need a device first.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=PAGE)
def main(rounds: int, host: bool, tests: bool, output: Path) -> None:
    """On a CUDA device: run its tests, time training steps, and write docs/results/gpu.md."""
    try:
        backend.resolve("cupy")
        said = "not run"
        if tests:
            command = [sys.executable, "-m", "pytest", "-m", "gpu", "tests"]
            run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            said = run.stdout.strip().splitlines()[-1].strip("= ")
            if run.returncode != 0:
                raise CheckFailed(f"the tests on the device failed ({said}); see `python -m pytest -m gpu tests`")
        names = ENGINES if host else ENGINES[:-1]
        found: dict[str, dict[str, dict[str, float]]] = {}
        for title, workloads in CASES.items():
            for workload in workloads:
                found.setdefault(title, {})[workload.name] = measure(workload, names, rounds)
                click.echo(f"{title}: {workload.name}: {found[title][workload.name]}", err=True)
        text = page(backend.cuda_status(), said, found, rounds, *limits())
        checkpoint.replace(output, lambda file: file.write(text.encode()))
    except (UsageError, CheckFailed) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
