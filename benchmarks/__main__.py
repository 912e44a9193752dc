"""`python -m benchmarks`: minirnn's training steps beside its peers', and beside their matrix products alone."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.engines import PEERS
from benchmarks.workloads import WORKLOADS, Workload
from minirnn.errors import CheckFailed, RunFailed, UsageError

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = "MINIRNN_BENCH_PEER_PYTHON"
STEPS = 7          # training steps per round; their median counts
GEMM_SIZE = 1536


class Worker:
    """An engine's process, which lives as long as its workload is measured and works only when asked."""

    def __init__(self, name: str, python: str, workload: Workload, threads: int, reference: Path):
        self.name = name
        pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        try:
            self.process = subprocess.Popen(
                [python, "-m", "benchmarks.engines", name, json.dumps(asdict(workload)), str(reference)],
                cwd=ROOT, env=os.environ | dict.fromkeys(pools, str(threads)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        except OSError as error:
            raise UsageError(f"cannot start {python!r} for {name} ({error}); set {PEER_PYTHON} to a Python") from error
        self.first = self._answer()
        if "wrong" in self.first:
            self.close()
            raise CheckFailed(f"{name} on {workload.name}: {self.first['wrong']}")

    def ask(self, request: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(request, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RunFailed(f"the {self.name} worker ended with code {self.process.wait()}; its message stands above")
        return json.loads(line)


@dataclass
class Result:
    """One workload. Per round: milliseconds of each engine's median step, and the GEMM rate in flops per second."""

    workload: Workload
    threads: int
    ms: dict[str, list[float]] = field(default_factory=dict)
    gemm_rates: list[float] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ratios(self, peer: str) -> list[float]:
        """minirnn's time / the peer's, round by round, so that what slows the machine for a while cancels."""
        return [ours / theirs for ours, theirs in zip(self.ms["minirnn"], self.ms[peer], strict=True)]

    def gemm_ratio(self) -> float:
        """Time / the time of the matrix products alone at the rate of a large product."""
        flops = self.workload.gemm_flops
        return median(ms / 1e3 * rate / flops for ms, rate in zip(self.ms["minirnn"], self.gemm_rates, strict=True))

    @property
    def bar(self) -> float | None:
        """The workload's bar, which was set for one thread."""
        return self.workload.bar if self.threads == 1 else None

    def holds(self) -> bool | None:
        """Whether the bar is met; None where there is no bar, or nothing to compare with."""
        if self.bar is None or "torch" not in self.ms:
            return None
        return median(self.ratios("torch")) <= self.bar

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = asdict(self) | {"gemm_flops": self.workload.gemm_flops, "holds": self.holds()}
        found["time_over_gemm_limit"] = self.gemm_ratio()
        found["ratio"] = {peer: median(self.ratios(peer)) for peer in self.ms if peer != "minirnn"}
        return found


def measure(workload: Workload, *, threads: int, rounds: int, peer_python: str, say: Console) -> Result:
    """Rounds interleaved A B A B between workers that are all started, checked and warm."""
    result = Result(workload, threads)
    workers: dict[str, Worker] = {}
    with tempfile.TemporaryDirectory() as folder:
        reference = Path(folder) / "reference.npz"
        try:
            workers["minirnn"] = Worker("minirnn", sys.executable, workload, threads, reference)
            for peer in PEERS:
                worker = workers[peer] = Worker(peer, peer_python, workload, threads, reference)
                if "skip" in worker.first:
                    result.skipped[peer] = worker.first["skip"]
                    workers.pop(peer).close()
                    say.print(f"{workload.name}  {peer} is skipped: {result.skipped[peer]}", markup=False)
                else:
                    result.agreement[peer] = worker.first
                    agrees = "{ready} agrees to {worst:.1e} (worst: {where})".format(**worker.first)
                    say.print(f"{workload.name}  {agrees}")
            for k in range(rounds):
                result.gemm_rates.append(workers["minirnn"].ask(f"gemm {GEMM_SIZE}")["flops_per_s"])
                for name, worker in workers.items():
                    result.ms.setdefault(name, []).append(median(worker.ask(f"round {STEPS}")["ms"]))
                times = ", ".join(f"{name} {ms[-1]:.1f} ms" for name, ms in result.ms.items())
                say.print(f"{workload.name}  round {k + 1} of {rounds}: {times}")
        finally:
            for worker in workers.values():
                worker.close()
    return result


def table(results: list[Result]) -> Table:
    """One row per workload."""
    peers = [peer for peer in PEERS if any(peer in r.ms for r in results)]
    threads = f"{results[0].threads} thread{'s' * (results[0].threads > 1)}"
    made = Table(title=f"One training step, {threads}; medians (smallest .. largest)")
    for title in ("workload", "", "minirnn ms", *(f"{p} ms" for p in peers), *(f"time / {p}'s" for p in peers)):
        made.add_column(title)
    for title in ("time / GEMM limit", "bar", "holds"):
        made.add_column(title)
    words = {True: "yes", False: "NO", None: "no peer"}
    for r in results:
        times = [f"{median(r.ms[name]):.1f}" if name in r.ms else "-" for name in ("minirnn", *peers)]
        ratios = [_spread(r.ratios(peer)) if peer in r.ms else "-" for peer in peers]
        bar = ["-", "-"] if r.bar is None else [f"{r.bar:.2f}", words[r.holds()]]
        made.add_row(r.workload.name, r.workload.title, *times, *ratios, f"{r.gemm_ratio():.2f}", *bar)
    return made


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} .. {max(values):.2f})"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--workload", "-w", "names", multiple=True, type=click.Choice([*WORKLOADS]), default=("W1", "W3", "W4"),
              show_default=True, help="Which to run; repeat it for several.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="BLAS threads of every engine.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Timed rounds per engine.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write every number here.")
def main(names: tuple[str, ...], threads: int, rounds: int, json_path: Path | None) -> None:
    """Time minirnn's training steps against torch.nn and against their matrix products alone.

    Peers run in this Python, or in the one that MINIRNN_BENCH_PEER_PYTHON names. Exit code 3: a bar was missed, or a
    peer computes something else.
    """
    say = Console(stderr=True, highlight=False, soft_wrap=True)
    peer_python = os.environ.get(PEER_PYTHON) or sys.executable
    try:
        results = [
            measure(WORKLOADS[name], threads=threads, rounds=rounds, peer_python=peer_python, say=say) for name in names
        ]
    except (UsageError, RunFailed, CheckFailed) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    Console(width=None if sys.stdout.isatty() else 140).print(table(results))
    if json_path is not None:
        found = {
            "machine": platform.machine(), "system": platform.platform(), "python": platform.python_version(),
            "threads": threads, "rounds": rounds, "steps_per_round": STEPS, "workloads": [r.summary() for r in results],
        }
        json_path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    missed = [r.workload.name for r in results if r.holds() is False]
    if missed:
        click.echo(f"Missed the bar: {', '.join(missed)}", err=True)
        sys.exit(CheckFailed.exit_code)


if __name__ == "__main__":
    main()
