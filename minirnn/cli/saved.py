"""What several commands share: options for where to compute and which parameters, and lists of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from minirnn import toml
from minirnn.errors import UsageError
from minirnn.saved_run import SavedRun


def machine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --backend, --device, --threads and --data-dir; each defaults to what the run was trained with."""
    for option in (
        click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]"),
        click.option("--threads", type=int, help="BLAS threads."),
        click.option("--device", type=int, help="Number of the CUDA device, from 0."),
        click.option("--backend", envvar="MINIRNN_BACKEND", help="numpy, cupy or auto.  [env: MINIRNN_BACKEND]"),
    ):
        command = option(command)
    return command


def checkpoint_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --checkpoint, as `which`: None is the choice of `trained.load_model`."""
    return click.option(
        "--checkpoint", "which", type=click.Choice(["best", "latest"]),
        help="The parameters of the best validation, or the latest ones; default best if there is one.",
    )(command)


def changes(machine: dict[str, Any]) -> toml.Tables:
    """The [run] table of those that were given."""
    return {"run": {key: value for key, value in machine.items() if value is not None}}


def open_runs(folders: Iterable[Path], data_dir: str | None = None) -> tuple[list[SavedRun], list[str]]:
    """(the runs that can be read, why not the others).  raises UsageError if there is none"""
    saved, notes = [], []
    for folder in folders:
        try:
            saved.append(SavedRun(folder, data_dir=data_dir or ""))
        except UsageError as error:
            notes.append(str(error))
    if not saved:
        raise UsageError(notes[0])
    return saved, notes


def names(ctx: click.Context, option: click.Parameter, text: str | None) -> list[str] | None:
    """A callback that reads "a,b" as ["a", "b"]."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
