"""`python -m benchmarks.guard`: has a training step become slower?

Milliseconds differ from machine to machine and from day to day. What is recorded, in recorded.json, is therefore each
workload's time over the time of its matrix products at the rate of a large square product, measured beside it. Both are
the best of several rounds, because nothing makes a step or a product too fast, and both are time of the processor,
which leaves out what other programs took in between. A ratio that is 25 % worse than the recorded one is measured again
before it counts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from threadpoolctl import threadpool_limits

from minirnn.checkpoint import replace
from minirnn.errors import CheckFailed, UsageError

from .engines import Minirnn
from .measure import GEMM_SIZE
from .report import processor
from .worker import WARM_UP, gemm_seconds, seconds
from .workloads import WORKLOADS

RECORDED = Path(__file__).with_name("recorded.json")
WORSE = 1.25
ROUNDS, RETRIES = 5, 3
CASES = (
    ("W1", ""), ("W2", ""), ("W3", ""), ("W4", ""), ("W5", ""), ("W1", "expmap"), ("W1", "cayley"), ("W1", "givens"),
)


class Stopwatch:
    """A case's best times so far: a step, and the same workload's products at the rate of a large one."""

    def __init__(self, workload: str, parametrization: str) -> None:
        self.workload = WORKLOADS[workload]
        self.engine = Minirnn(self.workload, 1, parametrization)
        for _ in range(WARM_UP):
            self.engine.step()
        self.step = self.limit = float("inf")

    def ratio(self, rounds: int) -> float:
        """Time / GEMM limit, the best of all rounds until now."""
        for _ in range(rounds):
            gemm = gemm_seconds(GEMM_SIZE, time.process_time) * self.workload.gemm_flops / (2 * GEMM_SIZE**3)
            self.limit = min(self.limit, gemm)
            self.step = min(self.step, *(self._step() for _ in range(self.workload.steps)))
        return self.step / self.limit

    def _step(self) -> float:
        return seconds(self.engine.step, time.process_time)


def guard(recorded: dict[str, float], say: Callable[[str], None], cases: Any = CASES) -> list[str]:
    """Sentences on the cases that have become slower than recorded; [] is good."""
    slower = []
    for workload, parametrization in cases:
        name = f"{workload} {parametrization}".strip()
        watch = Stopwatch(workload, parametrization)
        ratio = watch.ratio(ROUNDS)
        for _ in range(RETRIES):
            if ratio > WORSE * recorded[name]:
                ratio = watch.ratio(ROUNDS)
        change = ratio / recorded[name] - 1
        say(f"{name:12s} {ratio:.2f} times its GEMM limit, recorded {recorded[name]:.2f}: {change:+.0%}")
        if ratio > WORSE * recorded[name]:
            slower.append(f"{name} takes {ratio:.2f} times its GEMM limit, {change:.0%} more than {recorded[name]:.2f}")
    return slower


def record(say: Callable[[str], None], cases: Any = CASES) -> dict[str, float]:
    """{case: ratio} as they are now."""
    found = {}
    for workload, parametrization in cases:
        name = f"{workload} {parametrization}".strip()
        found[name] = round(Stopwatch(workload, parametrization).ratio(ROUNDS * (1 + RETRIES)), 3)
        say(f"{name:12s} {found[name]:.2f} times its GEMM limit")
    return found


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--record", "recording", is_flag=True, help="Record the ratios as they are now, for this processor.")
@click.option("--file", "path", type=click.Path(dir_okay=False, path_type=Path), default=RECORDED, show_default=True)
def main(recording: bool, path: Path) -> None:
    """Compare each workload's time, over its GEMM limit, with the recorded one; exit code 3 if one is 25 % worse."""
    everything = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    with threadpool_limits(1):
        if recording:
            everything[processor()] = record(click.echo)
            text = json.dumps(everything, indent=1, sort_keys=True) + "\n"
            replace(path, lambda file: file.write(text.encode("utf-8")))
            return
        if processor() not in everything:
            raise UsageError(
                f"no ratios are recorded for {processor()}, only for {sorted(everything)}; record those of a commit "
                "that you trust with `python -m benchmarks.guard --record`, then run this again"
            )
        slower = guard(everything[processor()], click.echo)
    if slower:
        raise CheckFailed(
            f"{'; '.join(slower)}. If the machine was busy, run it again; if not, find the line with "
            "`minirnn bench --write FOLDER`, or accept the price with `python -m benchmarks.guard --record`"
        )


def run() -> int:
    """The exit code; a bad end is one sentence."""
    try:
        main(standalone_mode=False)
    except (UsageError, CheckFailed) as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(run())
