"""What the commands share that read a saved run: where to compute, and where the data are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from minirnn import config


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --backend, --threads and --data-dir; each defaults to what the run was trained with."""
    for option in (
        click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]"),
        click.option("--threads", type=int, help="BLAS threads."),
        click.option("--backend", envvar="MINIRNN_BACKEND", help="numpy, cupy or auto.  [env: MINIRNN_BACKEND]"),
    ):
        command = option(command)
    return command


def changes(machine: dict[str, Any]) -> config.Tables:
    """The [run] table of those that were given."""
    return {"run": {key: value for key, value in machine.items() if value is not None}}
