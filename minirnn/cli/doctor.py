"""minirnn doctor: what this installation can use, and why not where it cannot."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from typing import Any

import click
import numpy as np  # noqa: F401 - its BLAS must be loaded to be reported
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from threadpoolctl import threadpool_info

from minirnn import __version__, backend, data
from minirnn.errors import one_line

PACKAGES = ("numpy", "scipy", "click", "rich", "threadpoolctl", "matplotlib", "cupy-cuda12x", "cupy-cuda13x", "torch")


@click.command("doctor")
@click.option("--data-dir", help="Folder of the data sets.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(data_dir: str | None, as_json: bool) -> None:
    """Versions, BLAS and its threads, the state of CUDA with the reason when it is unusable, and the data found.

    \b
    Examples:
      minirnn doctor
      minirnn doctor --data-dir ~/data --json
    """
    found = examine(data_dir)
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False)
    for topic, facts in found.items():
        table.add_row(f"[bold]{topic}[/]", "")
        for name, value in facts.items():
            table.add_row(f"  {name}", escape(str(value)))
    Console(highlight=False).print(table)


def examine(data_dir: str | None = None) -> dict[str, dict[str, Any]]:
    """{topic: {name: fact}}, all JSON-able."""
    import scipy.linalg  # noqa: F401 - a second BLAS, loaded for the same reason

    cuda = backend.cuda_status()
    blas = {
        f"{pool['internal_api']} {pool['version']}, pool {k}": f"{pool['num_threads']} threads"
        for k, pool in enumerate(threadpool_info(), 1)
    }
    gpu = {"usable": "yes" if cuda.usable else f"no: {cuda.reason}"}
    gpu |= {name: value for name in ("cupy", "driver", "runtime") if (value := getattr(cuda, name))}
    gpu |= {f"device {k}": _device(k, name, cuda.usable) for k, name in enumerate(cuda.devices)}
    sets = {
        found.name: f"{found.folder}: {found.detail}" if found.folder else f"not found: {found.detail}"
        for found in data.describe(data_dir)
    }
    return {
        "versions": {"minirnn": __version__, "python": platform.python_version(), **_versions()},
        "BLAS": blas,
        "CUDA": gpu,
        "data": sets,
    }


def _device(number: int, name: str, usable: bool) -> str:
    """Its name, its memory, and what double precision costs on it."""
    if not usable:
        return name
    try:
        memory, slower = backend.device_memory(number), backend.double_slowdown(number)
    except RuntimeError as error:                                   # another device than the one that was tried
        return f"{name}, does not answer: {one_line(error)}"
    said = f"{name}, {backend.readable_bytes(memory.free)} free of {backend.readable_bytes(memory.total)}"
    return f"{said}; float64 at 1/{slower} of the speed: train in float32" if slower > 2 else said


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
