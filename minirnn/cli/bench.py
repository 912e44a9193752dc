"""minirnn bench: the time of a training step beside its peers', and beside its matrix products alone."""

from __future__ import annotations

import datetime
import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from minirnn.benchmarks import report
from minirnn.benchmarks.breakdown import breakdown
from minirnn.benchmarks.measure import PEER_PYTHON, Result, measure
from minirnn.benchmarks.workloads import WORKLOADS
from minirnn.checkpoint import replace
from minirnn.errors import CheckFailed, UsageError


@click.command("bench")
@click.option("--workload", "-w", "names", multiple=True, type=click.Choice([*WORKLOADS]), default=[*WORKLOADS],
              help="Which to run; repeat it for several. All, if not given.")
@click.option("--variants", is_flag=True, help="Also the orthogonal parametrizations and their peers.")
@click.option("--threads", multiple=True, type=click.IntRange(1), default=(1,), show_default=True,
              help="BLAS threads of every engine; repeat it to measure with several numbers.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Timed rounds per engine.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write every number here.")
@click.option("--write", "folder", type=click.Path(file_okay=False, exists=True, path_type=Path),
              help="Write performance.md and performance.json into this folder, with where the time goes.")
def command(
    names: tuple[str, ...], variants: bool, threads: tuple[int, ...], rounds: int, json_path: Path | None,
    folder: Path | None,
) -> None:
    """Time training steps of minirnn beside torch's, and beside their matrix products alone.

    Peers are torch and, with --variants, geotorch and JAX; those that are not installed are skipped. They run in this
    Python, or in the one that MINIRNN_BENCH_PEER_PYTHON names. Exit code 3: a bar was missed, or a peer computes
    something else.

    \b
    Examples:
      minirnn bench
      minirnn bench -w W1 -w W4 --threads 1 --threads 2 --json found.json
      minirnn bench --variants --threads 1 --threads 2 --write docs/results
    """
    say = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    show = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    _require_folder(json_path)
    date, load = datetime.date.today().isoformat(), report.load()
    results: list[Result] = []
    for count in threads:
        for name in names:
            results.append(measure(
                WORKLOADS[name], variants=variants, threads=count, rounds=rounds,
                peer_python=os.environ.get(PEER_PYTHON) or sys.executable, say=say.print,
            ))
            show.print(report.table(results[-1]))
            if json_path is not None:                               # now: the next workload may fail
                _write(json_path, json.dumps(report.found(results, rounds, date, load, {}), indent=1) + "\n")
    if folder is not None:
        parts = {name: breakdown(WORKLOADS[name]) for name in names}
        found = report.found(results, rounds, date, load, parts)
        _write(folder / "performance.json", json.dumps(found, indent=1) + "\n")
        _write(folder / "performance.md", report.page(found))
    missed = [comparison for result in results for comparison in result.missed()]
    if missed:
        raise CheckFailed(f"the bar was missed by {', '.join(missed)}; see the column \"must\"")


def _require_folder(path: Path | None) -> None:
    if path is not None and not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written, {path.parent} is not a folder; make it first")


def _write(path: Path, text: str) -> None:
    replace(path, lambda file: file.write(text.encode("utf-8")))
