"""minirnn data: the data sets of the papers, fetched, found and verified."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table

from minirnn import datasets, download
from minirnn.errors import CheckFailed, UsageError


@click.group("data")
def command() -> None:
    """The data sets of the papers: MNIST and the Penn Treebank.

    Files you have are used as they are, .gz or plain: name their folder with --data-dir or MINIRNN_DATA. Otherwise
    `minirnn data fetch` downloads them to the cache folder.

    \b
    Examples:
      minirnn data list
      minirnn data fetch mnist
      minirnn data fetch ptb --mirror https://example.org/ptb
      minirnn data verify --data-dir ~/data
      minirnn data path mnist
    """


@command.command("list")
@click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def list_(data_dir: str | None, as_json: bool) -> None:
    """The data sets, their size, where they lie, and the tasks that read them."""
    found = {name: _about(name, data_dir) for name in datasets.SETS}
    free = datasets.tasks_of(None)
    if as_json:
        click.echo(json.dumps({"data sets": found, "tasks without data": free}))
        return
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False)
    for name, about in found.items():
        table.add_row(f"[bold]{name}[/]", escape(f"{about['title']}, {about['terms']}"))
        table.add_row("", escape(f"{about['files']} files, {about['bytes'] / 1e6:.1f} MB; tasks: "
                                 f"{', '.join(about['tasks'])}"))
        table.add_row("", escape(about["folder"] or f"not found; minirnn data fetch {name}"))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"No data is needed for: {', '.join(free)}", soft_wrap=True)


@command.command()
@click.argument("name")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder to write to; default the cache folder.")
@click.option("--mirror", "mirrors", multiple=True, envvar="MINIRNN_MIRROR", metavar="URL",
              help="Address of a folder with the files, instead of the known ones; may be repeated.  "
                   "[env: MINIRNN_MIRROR, separated by spaces]")
@click.option("--replace", is_flag=True, help="Replace files that are there and are not the official ones.")
@click.option("--quiet", is_flag=True, help="No progress.")
def fetch(name: str, data_dir: Path | None, mirrors: tuple[str, ...], replace: bool, quiet: bool) -> None:
    """Download the official files of data set NAME, and check their SHA-256.

    A file takes its place whole or not at all. After an interruption, the same command goes on where it stopped.
    """
    datasets.find(name)
    folder = data_dir.expanduser() if data_dir else datasets.home(name)
    with Bars(quiet) as bars:
        brought = download.fetch(name, folder, mirrors, replace, bars.follow)
    click.echo(f"{folder}: {', '.join(brought) if brought else 'nothing to do, the official files are there'}")
    if data_dir is None:
        used = datasets.check(name)[0].path.parent
        if used != folder:
            click.echo(f"MINIRNN_DATA comes first: {used} is what the tasks use as long as it is set", err=True)


@command.command()
@click.argument("name", required=False)
@click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def verify(name: str | None, data_dir: str | None, as_json: bool) -> None:
    """Compare the files in use with the official ones: row counts and SHA-256, of NAME or of all that are there.

    A subset is accepted, and named as such. Exits 3 if a file is damaged, or as large as the official one and
    different.
    """
    names = [name] if name else [k for k in datasets.SETS if _about(k, data_dir)["folder"]]
    if not names:
        raise UsageError("there is none; `minirnn data list` says which there are, `minirnn data fetch` gets them")
    found = {k: datasets.check(k, data_dir) for k in names}
    if as_json:
        click.echo(json.dumps({k: [{**vars(c), "path": str(c.path)} for c in checked] for k, checked in found.items()}))
    else:
        console = Console(highlight=False)
        for checked in found.values():
            console.print(f"[bold]{escape(str(checked[0].path.parent))}[/]", soft_wrap=True)
            for c in checked:
                console.print(escape(f"  {c.path.name}  {c.state}: {c.detail}"), soft_wrap=True)
    bad = [c for checked in found.values() for c in checked if c.state in ("damaged", "different")]
    if bad:
        raise CheckFailed(f"{len(bad)} of the files are not what they should be: {bad[0].path}: {bad[0].detail}")


@command.command()
@click.argument("name")
@click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]")
def path(name: str, data_dir: str | None) -> None:
    """Print the folder that the tasks take data set NAME from."""
    click.echo(next(iter(datasets.find(name).find(data_dir).values())).parent)


class Bars:
    """A bar per file on a terminal, a line per finished file elsewhere, silence if quiet."""

    def __init__(self, quiet: bool):
        self.quiet, self.console = quiet, Console(stderr=True, highlight=False)
        self.jobs: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
            console=self.console, disable=self.quiet or not self.console.is_terminal,
        )
        self.progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self.progress.disable:                               # rich before 14.3 ends a line that was not begun
            self.progress.stop()
        if kind is KeyboardInterrupt:
            self.console.print("What has come is kept; the same command goes on from there.")

    def follow(self, file: str, here: int, size: int) -> None:
        if file not in self.jobs:
            self.jobs[file] = self.progress.add_task(file, total=size)
        self.progress.update(self.jobs[file], completed=here)
        if here == size and self.progress.disable and not self.quiet:
            self.console.print(f"{file}  {size:,} bytes", soft_wrap=True)


def _about(name: str, data_dir: str | None) -> dict:
    found = datasets.find(name)
    try:
        folder = str(next(iter(found.find(data_dir).values())).parent)
    except UsageError:
        folder = ""
    return {
        "title": found.title, "terms": found.terms, "files": len(found.files),
        "bytes": sum(file.size for file in found.files), "tasks": datasets.tasks_of(name), "folder": folder,
    }
