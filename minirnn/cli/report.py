"""minirnn report: runs as one page for a browser."""

from __future__ import annotations

from pathlib import Path

import click
from threadpoolctl import threadpool_limits

from minirnn import report
from minirnn.cli.saved import open_runs
from minirnn.errors import UsageError


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Default report.html, in the run's "
              "folder if it is one run.")
@click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]")
def command(runs: tuple[Path, ...], out: Path | None, data_dir: str | None) -> None:
    """One self-contained HTML page of one or several RUNS, finished or not.

    Outcome beside the baseline and the published number, pictures, equations, parameters, configuration, and how to run
    it again. It needs no network and no script, and prints.

    \b
    Examples:
      minirnn report runs/a
      minirnn report runs/a runs/b --out comparison.html
    """
    path = out or (runs[0] / "report.html" if len(runs) == 1 else Path("report.html"))
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report is an HTML page (got {path}); give it a name that ends in .html")
    saved, notes = open_runs(runs, data_dir)
    with threadpool_limits(1):
        notes += report.write(saved, path)
    for note in dict.fromkeys(notes):
        click.echo(f"missing: {note}", err=True)
    click.echo(str(path))
