"""minirnn explain: a component's equations, its code by tag, and its gradient check, run as you watch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from minirnn import catalog, gradcheck, perturb
from minirnn.cli.gradcheck import explain as in_words
from minirnn.cli.listing import line
from minirnn.errors import CheckFailed, UsageError

EXPLAINED = (*catalog.CHECKED, "rules")
PAGES = Path(__file__).parents[2] / "docs" / "derivations"


@click.command("explain")
@click.argument("name", required=False)
@click.option("--kind", help="Where a name stands for several: cell, model, ...")
@click.option("--perturb", "scaled", metavar="TAG=FACTOR", help="Scale one backward line and see the check notice.")
@click.option("--page", is_flag=True, help="Read the derivation instead.")
def command(name: str | None, kind: str | None, scaled: str | None, page: bool) -> None:
    """What NAME is: its equations, each line of code with what undoes it, and its check, run live.

    Without a NAME, the list by topic. With --perturb, one tagged line of the backward pass is multiplied by a factor,
    in memory, and the check is to notice; the exit code is 3 if it does not.

    \b
    Examples:
      minirnn explain
      minirnn explain elman
      minirnn explain lstm --kind cell
      minirnn explain expmap --perturb X9=1.01
      minirnn explain gru --kind cell --page
    """
    console = Console(highlight=False)
    if name is None:
        _list(console)
        return
    for found_kind, component in _find(name, kind):
        if page:
            _page(name, component)
            return
        console.print(f"[bold]{name}[/], {catalog.singular(found_kind)}: {escape(line(component))}", soft_wrap=True)
        if scaled is None:
            _equations(console, component)
            _code(console, component)
            _check(console, found_kind, name, component)
        else:
            _perturb(console, found_kind, name, component, scaled)


def _find(name: str, kind: str | None) -> Iterator[tuple[str, Any]]:
    kinds = {catalog.singular(k): k for k in EXPLAINED}
    if kind is not None and kind not in kinds:
        raise catalog.unknown("kind", kind, kinds)
    wanted = [kinds[kind]] if kind else EXPLAINED
    known = {k: catalog.components(k) for k in wanted}
    hits = [(k, found[name]) for k, found in known.items() if name in found]
    if not hits:
        raise catalog.unknown("component", name, {n for found in known.values() for n in found})
    yield from hits


def _list(console: Console) -> None:
    for kind in EXPLAINED:
        console.print(f"[bold]{kind}[/]  {', '.join(catalog.components(kind))}")


def _equations(console: Console, component: Any) -> None:
    """The docstring as it stands: it holds the equations, shapes, costs and sources."""
    _print(console, inspect.getdoc(component) or "")
    console.print()


def _code(console: Console, component: Any) -> None:
    """Each forward line, and below it the backward lines that undo it."""
    if not inspect.isclass(component):
        return
    lines = perturb.tagged_lines(component)
    backward = [tag for tag, (function, _) in lines.items() if function in perturb.BACKWARD]
    shown: set[str] = set()
    for tag, (_, code) in lines.items():
        if tag in backward:
            continue
        _print(console, f"  {_without_tag(code)} ({tag})")
        for other in backward:
            undone = re.findall(r"\((\w+)\)", lines[other][1].partition("undoes")[2])
            if tag in undone and other not in shown:
                shown.add(other)
                _print(console, f"      undone by  {_without_tag(lines[other][1])} ({other})")
    for other in backward:
        if other not in shown:
            _print(console, f"  backward  {_without_tag(lines[other][1])} ({other})")
    console.print()


def _check(console: Console, kind: str, name: str, component: Any) -> None:
    if kind not in catalog.CHECKED:
        console.print("An update rule has no gradient of its own: its tests compare it with a literal update.")
        return
    rows = gradcheck.check_component(kind, name, component)
    worst: dict[str, gradcheck.Row] = {}
    for row in rows:
        if row.parameter not in worst or row.error > worst[row.parameter].error:
            worst[row.parameter] = row
    console.print(f"Checked now against central differences, {len(rows)} gradients; the worst of each parameter:")
    for parameter, row in worst.items():
        _print(console, f"  {parameter:16s} {row.error:.1e}  {row.example}")
    failed = [row for row in rows if not row.passed]
    if failed:
        raise CheckFailed("\n".join(map(in_words, failed)))


def _perturb(console: Console, kind: str, name: str, component: Any, scaled: str) -> None:
    tag, _, number = scaled.partition("=")
    try:
        factor = float(number)
    except ValueError:
        raise UsageError(f"cannot read {scaled!r}; write TAG=FACTOR, as in E3=1.01") from None
    if not inspect.isclass(component) or kind == "rules":
        raise UsageError(f"{name}, a {catalog.singular(kind)}, has no backward lines of its own; name a part of it")
    tags = perturb.backward_tags(component)
    if tag not in tags:
        raise UsageError(f"({tag}) is no backward line of {name}; choose one of: {', '.join(tags) or 'none'}")
    _print(console, f"  {perturb.tagged_lines(component)[tag][1]}")
    console.print(f"multiplied by {factor:g}, the check says:")
    rows = gradcheck.check_component(kind, name, perturb.perturbed(component, tag, factor))
    failed = [row for row in rows if not row.passed]
    if not failed and factor != 1:
        raise CheckFailed(f"nothing: no gradient of {name} noticed that ({tag}) was multiplied by {factor:g}")
    for row in failed[:5]:
        _print(console, f"  {in_words(row)}")
    verdict = f"{len(failed)} of {len(rows)} gradients failed, as they should." if failed else "All gradients agree."
    _print(console, verdict)


def _page(name: str, component: Any) -> None:
    """The derivation in a pager."""
    module = inspect.getmodule(component)
    named = re.findall(r"docs/derivations/\w+\.md", inspect.getdoc(component) or "")
    stem = (module.__name__ if module else name).rpartition(".")[2]
    found = [PAGES.parents[1] / page for page in named] + [PAGES / f"{stem}.md"]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise UsageError(f"the page of {name} is not here: the documentation comes with a clone, not with the package")
    click.echo_via_pager(path.read_text(encoding="utf-8"))


def _print(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _without_tag(code: str) -> str:
    return code.partition("#")[0].rstrip()
