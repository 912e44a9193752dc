"""minirnn sweep: a grid of runs, resumable, on the cores of this machine or on a cluster."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from minirnn import checkpoint
from minirnn.cli.board import Board
from minirnn.cli.live import Interruption
from minirnn.cli.saved import changes, machine_options
from minirnn.errors import RunFailed, UsageError
from minirnn.metrics import score
from minirnn.sweeps import FAILED, FINISHED, Job, Ledger, Sweep, plan, results
from minirnn.sweeps.ledger import written

FILE = "sweep.toml"


@click.command("sweep")
@click.argument("file", metavar="FILE.toml", type=click.Path(path_type=Path))
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The sweep's folder; default sweeps/FILE.")
@click.option("--workers", type=click.IntRange(1), help="Processes on this machine; default: its cores by --threads.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Of a running dask cluster that sees the same files.")
@click.option("--retry", is_flag=True, help="Go on with runs that have failed, too.")
@click.option("--dry-run", is_flag=True, help="Check the file and list the runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
@machine_options
def command(
    file: Path, folder: Path | None, workers: int | None, scheduler: str, retry: bool, dry_run: bool, as_json: bool,
    quiet: bool, **machine: Any,
) -> int:
    """Train every run of a grid, several at a time, and put the results into one table.

    FILE.toml holds a preset or the tables of a configuration, [cases.NAME] for named alternatives, and [grid] with
    lists of values: "task.length" = [50, 100], "run.seed" = [0, 1, 2]. Everything is checked before anything runs.

    The same command goes on where it was left, however it ended: a finished run is not run again, an unfinished one
    continues from its checkpoint. One that fails does not stop the others; the exit code is then 1. Ctrl-C lets the
    runs at work save.

    \b
    Examples:
      minirnn sweep grid.toml --dry-run
      minirnn sweep grid.toml --workers 4
      minirnn sweep grid.toml --scheduler tcp://node1:8786
    """
    jobs = plan(Sweep.read(file), changes(machine))
    folder = (folder or Path("sweeps") / file.stem).resolve()
    ledger = Ledger(folder)
    if dry_run:
        _list(jobs, ledger, as_json)
        return 0
    again = f"minirnn sweep {file}"
    code = run(folder, file.read_bytes(), jobs, again, workers=workers, scheduler=scheduler, retry=retry, quiet=quiet)
    found = results.rows(jobs, ledger)
    failed = [row for row in found if row["status"] == FAILED]
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "runs": found}))
    elif code == 0:
        _table(found)
        Console(highlight=False).print(Text(f"Written to {folder / results.FILE}"), soft_wrap=True)
    if code == 0 and failed:
        raise RunFailed(f"{len(failed)} of {len(jobs)} runs failed, see above; --retry goes on with them, once mended")
    return code


def run(
    folder: Path, content: bytes, jobs: list[Job], again: str, *, workers: int | None = None, scheduler: str = "",
    retry: bool = False, quiet: bool = False,
) -> int:
    """Run what has not ended, keep results.csv, and say what failed, now or before; 0, or 130 when interrupted.

    content  of the file that the sweep is run from
    again    the command that goes on, for messages
    raises   UsageError if another sweep is at work in the folder, RunFailed if it can no longer be written
    """
    from minirnn.sweeps import engine  # refuses, where dask is missing, before anything is written

    ledger = Ledger(folder)
    _create(folder, ledger)
    with engine.sole(folder), Interruption() as interruption:
        with written(folder):
            checkpoint.tidy(folder / FILE, folder / results.FILE)
            checkpoint.replace(folder / FILE, lambda file: file.write(content))
        statuses = {job: ledger.status(job.id) for job in jobs}
        todo = [job for job, status in statuses.items() if status != FINISHED and (retry or status != FAILED)]
        before = Counter(status for job, status in statuses.items() if job not in todo)
        results.write(folder, jobs, ledger)
        if not quiet and len(todo) < len(jobs):
            click.echo(f"{len(jobs) - len(todo)} of {len(jobs)} runs have ended before", err=True)
        if todo:
            with Board(jobs, before, quiet) as board:

                def ended(job: Job, entry: dict[str, Any]) -> None:
                    results.write(folder, jobs, ledger)
                    board.ended(job, entry)

                def stopping() -> bool:
                    board.tick()
                    return interruption.asked

                with engine.cluster(scheduler, workers or engine.fitting(todo)) as client:
                    engine.run_all(client, folder, todo, board.hear, ended, stopping, retry)
    entries = {job: ledger.read(job.id) or {} for job in jobs}
    if left := sum(not entry for entry in entries.values()):
        click.echo(f"Interrupted with {left} of {len(jobs)} runs to go; go on with: {again}", err=True)
        return 130
    for job, entry in entries.items():
        if entry["status"] == FAILED:
            click.echo(f"failed  {job.label or job.id}: {entry['error']}", err=True)
    return 0


def _create(folder: Path, ledger: Ledger) -> None:
    """The sweep's folders, where there is nothing yet, or a sweep."""
    try:
        if folder.exists() and any(folder.iterdir()) and not ledger.folder.exists():
            raise UsageError(f"{folder} holds something else than a sweep; name another --dir")
        ledger.create()
        (folder / "runs").mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write the sweep to {folder} ({error.strerror}); name another --dir") from None


def _list(jobs: list[Job], ledger: Ledger, as_json: bool) -> None:
    """The runs, and how many there are."""
    if as_json:
        listed = [{"id": job.id, "label": job.label, "status": ledger.status(job.id)} for job in jobs]
        click.echo(json.dumps({"count": len(jobs), "runs": listed}))
        return
    for job in jobs:
        click.echo(f"{job.id}  {ledger.status(job.id):8s}  {job.label}")
    click.echo(f"{len(jobs)} runs")


def _table(found: list[dict[str, Any]]) -> None:
    """Test and baseline of the goal metric, per run."""
    found = [row for row in found if row["status"] == FINISHED]
    if not found:
        return
    table = Table(title=f"{len(found)} runs, the test scores of the best validation", title_justify="left")
    grid = [key for key in found[0] if "." in key]
    columns = ["case"] * any(row["case"] for row in found) + grid
    for heading in (*columns, "test", "without memory", "updates", "seconds"):
        table.add_column(heading, justify="left" if heading in columns else "right")
    for row in found:
        goal = row["goal"]
        scores = [f"{goal} {score(goal, row[f'test_best_{goal}'])}", score(goal, row[f"baseline_{goal}"])]
        table.add_row(*(Text(str(row[key])) for key in columns), *scores, str(row["steps"]), f"{row['seconds']:g}")
    Console(highlight=False).print(table)
