"""minirnn evaluate: a saved run on a split of its task."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from minirnn import memory, trained
from minirnn.cli.saved import changes, checkpoint_option, machine_options
from minirnn.metrics import score


@click.command("evaluate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(["train", "valid", "test"]), default="test", show_default=True)
@checkpoint_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@machine_options
def command(run: Path, split: str, which: str | None, as_json: bool, **machine: object) -> None:
    """Evaluate the saved run of the folder RUN on a split of its task, beside what a guesser without memory gets.

    \b
    Examples:
      minirnn evaluate runs/a
      minirnn evaluate runs/a --split valid --checkpoint latest --json
    """
    trainer, about = trained.load_model(run, which or "", changes(machine))
    memory.keep_freed_memory()
    with threadpool_limits(trainer.config.run.threads):
        found = trainer.evaluate(split)
    baseline = trainer.task.baseline()
    if as_json:
        head = {"folder": str(run), "split": split, "checkpoint": about["checkpoint"], "step": about["step"]}
        click.echo(json.dumps({**head, split: found, "baseline": baseline}))
        return
    names = f"{trainer.config.task['name']} {trainer.config.model['name']}"
    table = Table(title=f"{names}, step {about['step']} ({about['checkpoint']})", title_justify="left")
    for heading in ("", split, "without memory"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, value in found.items():
        table.add_row(name, score(name, value), score(name, baseline[name]) if name in baseline else "")
    Console().print(table)
