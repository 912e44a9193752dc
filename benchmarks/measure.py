"""Rounds interleaved A B A B between engines that are all started, checked and warm, each in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from minirnn.errors import CheckFailed, RunFailed, UsageError

from .workloads import GEMM_LIMIT, Comparison, Workload, comparisons, engines

PEER_PYTHON = "MINIRNN_BENCH_PEER_PYTHON"
GEMM_SIZE = 1536

# A peer's Python need not have minirnn: the worker finds its modules beside this file, under the package name "bench".
WORKER = """
import importlib.util, runpy, sys
folder = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location("bench", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["bench"] = importlib.util.module_from_spec(spec)
runpy.run_module("bench.worker", run_name="__main__")
"""


class Worker:
    """An engine's process, which lives as long as its workload is measured and works only when asked."""

    def __init__(self, name: str, python: str, workload: Workload, threads: int, reference: Path):
        self.name = name
        pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        here = str(Path(__file__).resolve().parent)
        try:
            self.process = subprocess.Popen(
                [python, "-c", WORKER, here, name, json.dumps(asdict(workload)), str(reference)],
                env=os.environ | dict.fromkeys(pools, str(threads)),
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
        with suppress(BrokenPipeError):                             # it has ended; the missing answer says so
            print(request, file=self.process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.close()
            code = self.process.returncode
            raise RunFailed(f"the {self.name} worker ended with code {code}; its message stands above")
        return json.loads(line)


@dataclass
class Result:
    """One workload.

    ms          {engine: the median step of each round}; of "GEMM limit", the time of the step's products at the rate
                of a large product in that round
    memory      {engine: (MiB held before the first step, the most held until the last)}
    skipped     {engine: why}
    agreement   {peer: its first answer}
    """

    workload: Workload
    threads: int
    variants: bool = False
    ms: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    agreement: dict[str, dict[str, Any]] = field(default_factory=dict)

    def comparisons(self) -> list[Comparison]:
        """Those whose engines were both there."""
        found = comparisons(self.workload.name, self.variants)
        return [c for c in found if c.ours in self.ms and c.peer in self.ms]

    def ratios(self, c: Comparison) -> list[float]:
        """Our time / the peer's, round by round, so that what slows the machine for a while cancels."""
        return [ours / theirs for ours, theirs in zip(self.ms[c.ours], self.ms[c.peer], strict=True)]

    def holds(self, c: Comparison) -> bool | None:
        """Whether the bar, which was set for one thread, is met; None where there is none."""
        if c.must is None or self.threads != 1:
            return None
        return median(self.ratios(c)) <= c.must

    def missed(self) -> list[str]:
        return [f"{c.ours} / {c.peer} on {c.workload}" for c in self.comparisons() if self.holds(c) is False]

    def summary(self) -> dict[str, Any]:
        """All that was found, for JSON."""
        found: dict[str, Any] = asdict(self) | {"gemm_flops": self.workload.gemm_flops}
        found["comparisons"] = [
            asdict(c) | {"ratios": self.ratios(c), "median": median(self.ratios(c)), "holds": self.holds(c)}
            for c in self.comparisons()
        ]
        return found


def measure(
    workload: Workload, *, variants: bool, threads: int, rounds: int, peer_python: str, say: Callable[[str], None]
) -> Result:
    """Every engine of the workload, and the limit, once per round."""
    result = Result(workload, threads, variants)
    workers: dict[str, Worker] = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            workers[GEMM_LIMIT] = Worker(GEMM_LIMIT, sys.executable, workload, threads, Path(folder))
            for name, starts in engines(workload.name, variants).items():
                python = sys.executable if name == starts else peer_python
                worker = workers[name] = Worker(name, python, workload, threads, Path(folder) / f"{starts}.npz")
                if "skip" in worker.first:
                    result.skipped[name] = worker.first["skip"]
                    workers.pop(name).close()
                    say(f"{workload.name}  {name} is skipped: {result.skipped[name]}")
                elif name != starts:
                    result.agreement[name] = worker.first
                    agrees = "{ready} agrees to {worst:.1e} (worst: {where})".format(**worker.first)
                    say(f"{workload.name}  {name}: {agrees}")
            for k in range(rounds):
                _round(result, workers)
                times = ", ".join(f"{name} {ms[-1]:.1f}" for name, ms in result.ms.items())
                say(f"{workload.name}  round {k + 1} of {rounds}, ms: {times}")
            for name in result.ms:
                if name != GEMM_LIMIT:
                    result.memory[name] = workers[name].first["mib_before"], workers[name].ask("memory")["mib"]
        finally:
            for worker in workers.values():
                worker.close()
    return result


def _round(result: Result, workers: dict[str, Worker]) -> None:
    for name, worker in workers.items():
        if name == GEMM_LIMIT:
            ms = 1e3 * result.workload.gemm_flops / worker.ask(f"gemm {GEMM_SIZE}")["flops_per_s"]
        else:
            ms = median(worker.ask(f"round {result.workload.steps}")["ms"])
        result.ms.setdefault(name, []).append(ms)
