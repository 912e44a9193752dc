"""minirnn errata: what does not hold as printed, and what the papers leave open; each with an example, run live."""

from __future__ import annotations

import click
from rich.console import Console
from rich.text import Text

from minirnn.errata import ERRATA, about, stated
from minirnn.errors import UsageError


@click.command("errata")
@click.argument("which", metavar="[NUMBER|PAPER]", required=False)
def command(which: str | None) -> None:
    """Statements of the papers that do not hold as printed, and what holds instead; questions that they leave open.

    Without an argument, the list; a title with a question mark is an open question. With a PAPER's key in
    docs/bibliography.md, those about it. With a NUMBER, the statement, what is true, why, and the example's numbers,
    computed now. The same as pages: docs/errata.md, docs/open-questions.md.

    \b
    Examples:
      minirnn errata
      minirnn errata 3
      minirnn errata vorontsov2017
    """
    console = Console(highlight=False)
    listed = [(k, erratum) for k, erratum in enumerate(ERRATA, 1) if which is None or which in erratum.papers]
    if listed:
        for k, erratum in listed:
            _print(console, f"{k:3d}  {erratum.title}  {erratum.source}")
        return
    if which is None or not which.isdecimal() or not 1 <= int(which) <= len(ERRATA):
        papers = sorted({paper for erratum in ERRATA for paper in erratum.papers})
        raise UsageError(
            f"there is no erratum {which!r}; choose a number from 1 to {len(ERRATA)}, or a paper: {', '.join(papers)}"
        )
    erratum = ERRATA[int(which) - 1]
    console.print(Text(f"{int(which)}. {erratum.title}", style="bold"), soft_wrap=True)
    _print(console, f"{erratum.source}\n")
    for heading, text in erratum.parts():
        console.print(Text.assemble((f"{heading} ", "bold"), f"{text}\n"))
    console.print(Text.assemble(("Example, computed now. ", "bold"), about(erratum.example)))
    numbers = erratum.example()
    width = max(map(len, numbers))
    for label, value in numbers.items():
        _print(console, f"  {label:{width}s}  {stated(value)}")


def _print(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)
