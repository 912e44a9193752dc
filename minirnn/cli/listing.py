"""minirnn list: what there is."""

from __future__ import annotations

import inspect
import json

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from minirnn import catalog


@click.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """Tasks, models and components with one line each, all of them or of one KIND.

    \b
    Examples:
      minirnn list
      minirnn list models
      minirnn list parametrizations --json
    """
    if kind is not None and kind not in catalog.KINDS:
        raise catalog.unknown("kind", kind, catalog.KINDS)
    kinds = [kind] if kind else list(catalog.KINDS)
    found = {k: {name: line(c) for name, c in catalog.components(k).items()} for k in kinds}
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False)
    for k, components in found.items():
        table.add_row(f"[bold]{k}[/]", "")
        for name, text in components.items():
            table.add_row(f"  {name}", escape(text))
    Console(highlight=False).print(table)


def line(component: object) -> str:
    """A component's summary, or the first sentence of a model's docstring, with its source."""
    text = getattr(component, "summary", None) or (inspect.getdoc(component) or "").split("\n\n")[0].replace("\n", " ")
    source = getattr(component, "source", "")
    return f"{text}  [{source}]" if source else text
