"""minirnn plot: pictures of runs, afterwards."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from threadpoolctl import threadpool_limits

from minirnn import catalog, figures
from minirnn.cli.saved import open_runs
from minirnn.errors import UsageError
from minirnn.figures import style
from minirnn.saved_run import SavedRun


@click.command("plot")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--kind", default="curves", show_default=True, help="Which picture, see `minirnn plot --list`.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="A .png or .svg; default KIND.png, in the "
              "run's folder if it is one run.")
@click.option("--layer", default="rnn.0", show_default=True, help="Of pictures that show one recurrent layer.")
@click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]")
@click.option("--list", "listed", is_flag=True, help="The kinds of picture, what each shows and what it needs.")
@click.option("--train", is_flag=True, help="Of a paper's figure: first train the runs that are not there.")
def command(
    runs: tuple[Path, ...], kind: str, out: Path | None, layer: str, data_dir: str | None, listed: bool, train: bool
) -> None:
    """Draw a picture of one or several RUNS, folders that `minirnn run` wrote, finished or not.

    What can be drawn is; what is missing is said. The figures of the papers have their own kinds: without RUNS they
    are drawn from runs/KIND/..., and say what to train; with --train they train it, as `minirnn run` would.

    \b
    Examples:
      minirnn plot runs/a
      minirnn plot runs/seed-*                    the same settings: a mean and a band
      minirnn plot runs/* --kind comparison --out models.svg
      minirnn plot runs/a --kind task-example
      minirnn plot runs/a --kind spectrum --layer rnn.1
      minirnn plot --kind vorontsov-figure-3 --train
    """
    if listed:
        _list()
        return
    Kind = catalog.find("figures", kind)
    folders = list(runs) or [Path("runs") / kind / name for name in Kind.recipe]
    if train:
        if not Kind.recipe or runs:
            raise UsageError(
                f"--train belongs to a paper's figure without RUNS (got --kind {kind} and {len(runs)} runs); "
                "train with `minirnn run`"
            )
        _train(kind, Kind.recipe)
    if not folders:
        raise UsageError(f"--kind {kind} draws runs; name the folder of one, as `minirnn run --dir` wrote it")
    if not runs and not any(folder.exists() for folder in folders):
        click.echo("\n".join(map(_shown, _commands(kind, Kind.recipe).values())), err=True)
        raise UsageError(f"--kind {kind} needs the runs above, which are not there; add --train to make them")
    path = out or (folders[0] / f"{kind}.png" if len(folders) == 1 else Path(f"{kind}.png"))
    style.suffix(path)
    saved, notes = open_runs(folders, data_dir)
    with threadpool_limits(1):
        notes += figures.draw(kind, saved, path, layer)
    for note in dict.fromkeys(notes):
        click.echo(f"missing: {note}", err=True)
    click.echo(str(path))


def _commands(kind: str, recipe: dict[str, str]) -> dict[Path, list[str]]:
    """{folder: the words that follow `minirnn`} of the runs of a paper's figure."""
    folders = {Path("runs") / kind / name: words for name, words in recipe.items()}
    return {folder: ["run", *shlex.split(words), "--dir", str(folder)] for folder, words in folders.items()}


def _shown(words: list[str]) -> str:
    return "minirnn " + shlex.join(words)


def _train(kind: str, recipe: dict[str, str]) -> None:
    """Run what is missing, each command as a person would give it; a run that was cut short goes on."""
    from minirnn.cli.run import command as run

    for folder, words in _commands(kind, recipe).items():
        about = SavedRun(folder).about if folder.exists() else None
        if about is not None and about.get("finished"):
            click.echo(f"{folder} is there already", err=True)
            continue
        words = words if about is None else ["run", "--resume", str(folder)]
        click.echo(_shown(words), err=True)
        code = run.main(args=words[1:], prog_name="minirnn run", standalone_mode=False)
        if code:
            raise KeyboardInterrupt


def _list() -> None:
    table = Table(show_header=True, show_edge=False, box=None, pad_edge=False)
    for heading in ("kind", "shows", "needs"):
        table.add_column(heading, overflow="fold")
    kinds: dict[str, Any] = catalog.components("figures")
    for name, Kind in kinds.items():
        table.add_row(f"[bold]{name}[/]", escape(Kind.summary), escape(Kind.needs))
    Console(highlight=False).print(table)
