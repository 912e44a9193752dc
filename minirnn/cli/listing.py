"""minirnn list: what there is."""

from __future__ import annotations

import inspect
import json

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from minirnn import catalog, presets


@click.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(kind: str | None, as_json: bool) -> None:
    """Tasks, models, presets and components with one line each, all of them or of one KIND.

    The KIND presets shows every variant, with the published number and what a run costs.

    \b
    Examples:
      minirnn list
      minirnn list models
      minirnn list presets
      minirnn list parametrizations --json
    """
    if kind == "presets":
        _presets(as_json)
        return
    if kind is not None and kind not in catalog.KINDS:
        raise catalog.unknown("kind", kind, (*catalog.KINDS, "presets"))
    kinds = [kind] if kind else list(catalog.KINDS)
    found = {k: {name: line(c) for name, c in catalog.components(k).items()} for k in kinds}
    if kind is None:
        all_presets = {name: presets.find(name) for name in presets.names()}
        found["presets"] = {name: f"{p.title}  [{p.source}]" for name, p in all_presets.items()}
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
    if getattr(component, "watchable", True) is False:
        text += " (slow: not while training)"
    source = getattr(component, "source", "")
    return f"{text}  [{source}]" if source else text


def _presets(as_json: bool) -> None:
    """Every variant of every preset: its source, what was published, and the cost at each scale."""
    every = {name: [presets.find(v) for v in presets.variants(name)] for name in presets.names()}
    costs = {
        p.name: {scale or "published": presets.find(p.name, scale).minutes for scale in ("", *presets.scales(name))}
        for name, found in every.items() for p in found
    }
    if as_json:
        shown = {p.name: {"title": p.title, "source": p.source, "published": p.published, "claim": p.claim,
                          "minutes": costs[p.name]} for found in every.values() for p in found}
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for name, found in every.items():
        claim = presets.claim(name)
        heading = f"{found[0].title}  [{found[0].source}]{f': {claim}' if claim else ''}"
        console.print(f"[bold]{name}[/]  {escape(heading)}", soft_wrap=True)
        for p in found:
            cost = ", quick ".join(presets.duration(minutes) for minutes in costs[p.name].values())
            said = "" if p.said() == claim else p.said()
            console.print(escape(f"  {p.name.removeprefix(name):24s}  {cost:22s}  {said}".rstrip()), soft_wrap=True)
    console.print(
        "A run: minirnn run --preset NAME/VARIANT [--scale quick]. What it costs is estimated, for one core.",
        soft_wrap=True, markup=False,
    )
