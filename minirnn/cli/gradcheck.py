"""minirnn gradcheck: the checker, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from minirnn import catalog, gradcheck, problems
from minirnn.errors import CheckFailed


@click.command("gradcheck")
@click.argument("names", nargs=-1, metavar="[NAME|FILE.py]...")
@click.option("--size", type=click.IntRange(1, 64), default=5, show_default=True,
              help="Units of the tiny instances that are checked.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the random instances.")
@click.option("--length", type=click.IntRange(1, 1000), default=problems.LENGTH, show_default=True,
              help="Steps of time of a cell's sequence; 1 leaves the recursion out.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per parameter and line.")
def command(names: tuple[str, ...], size: int, seed: int, length: int, as_json: bool) -> None:
    """Compare hand-written gradients with central differences in float64.

    Without a NAME, every component is checked: cells, activations, parametrizations, layers, regularizers, losses and
    models. A NAME ending in .py is a file of yours, WHICH IS EXECUTED; every component it defines is checked.

    \b
    Examples:
      minirnn gradcheck
      minirnn gradcheck lstm expmap
      minirnn gradcheck path/to/my_cell.py
      minirnn gradcheck path/to/my_cell.py --length 1
      minirnn gradcheck --json | jq 'select(.error > 1e-9)'
    """
    files = [Path(name) for name in names if name.endswith(".py")]
    components = [name for name in names if not name.endswith(".py")]
    groups = [] if files and not components else [gradcheck.check_all(components or None, size, seed, length)]
    groups += [gradcheck.check_file(path, size, seed, length) for path in files]
    rows = []
    for path in filter(Path.is_file, files):
        click.echo(f"{path} is executed, as importing it would", err=True)
    for group in groups:
        for found in group:
            rows += found
            if as_json:
                for row in found:
                    click.echo(json.dumps(row.as_dict()))
    failed = [row for row in rows if not row.passed]
    worst = max(rows, key=lambda row: row.error)
    if not as_json:
        _show(rows)
        click.echo(f"{len(rows)} gradients, worst error {worst.error:.1e} ({worst.component}, {worst.parameter}); "
                   f"limit {gradcheck.TOLERANCE:g}; {len(failed)} failed")
    if failed:
        raise CheckFailed("\n".join(explain(row) for row in failed[:10]))


def explain(row: gradcheck.Row) -> str:
    """One failed gradient in words: where, both values, and what usually causes it."""
    place = f"[{', '.join(map(str, row.worst))}]" if row.worst else ""
    example = f" ({row.example})" if row.example else ""
    return (
        f"{row.component}{example}: the gradient of {row.parameter}{place} is {row.analytic:.8g}, "
        f"finite differences say {row.numeric:.8g} (error {row.error:.1e}, slope {row.slope:.2f}): {row.hint}"
    )


def _show(rows: list[gradcheck.Row]) -> None:
    table = Table(show_edge=False, pad_edge=False, box=None)
    for heading in ("example", "parameter"):
        table.add_column(heading, no_wrap=True)
    for heading in ("size", "error", "worst at", "slope", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    last = ""
    for row in rows:
        title = f"{row.component} ({catalog.singular(row.kind)})"
        if title != last:
            table.add_row(f"[bold]{title}[/]")
            last = title
        slope = "linear" if row.slope == float("inf") else f"{row.slope:.2f}"
        at = ",".join(map(str, row.worst))
        verdict = "[green]ok[/]" if row.passed else "[bold red]FAILED[/]"
        table.add_row(f"  {row.example}", row.parameter, str(row.size), f"{row.error:.1e}", at, slope, verdict)
    Console(highlight=False).print(table)
