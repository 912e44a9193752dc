"""docs/errata.md and docs/open-questions.md, printed by `python -m minirnn.errata`."""

from __future__ import annotations

import textwrap

from minirnn.errata.erratum import DOES_NOT_HOLD, OPEN, Erratum, about, stated
from minirnn.errata.slips import SLIPS

RUN = (
    "Each has an example that you can run: `minirnn errata 3` prints number 3 and computes its numbers. Keys are those "
    "of the [bibliography](bibliography.md). In the tables, 0 stands for anything below 1e-12."
)
PAGES = {
    "errata": (
        DOES_NOT_HOLD, "Errata",
        "Statements of the papers that do not hold as printed, what holds instead, and why. None of this touches the "
        "ideas, which are implemented here because they work; it is for readers who check a program against a page and "
        "wonder which of the two to trust. [Open questions](open-questions.md) have a page of their own.",
    ),
    "open-questions": (
        OPEN, "Open questions",
        "Where a text allows more than one reading, or differs from its authors' released program, this library had to "
        "choose. Each question says which reading was taken, and what the others would give. They are numbered after "
        "the [errata](errata.md).",
    ),
}


def page(errata: tuple[Erratum, ...], name: str = "errata") -> str:
    """One of the pages, with the numbers of the examples as they come out now."""
    headings, title, text = PAGES[name]
    entries = [(number, e) for number, e in enumerate(errata, 1) if e.headings == headings]
    lines = [f"# {title}", "", *_wrapped(f"{text} {RUN}"), ""]
    told = f"This page is printed by `python -m minirnn.errata {name}`; text and examples are in minirnn/errata/."
    lines += [*_wrapped(told), "", *(f"{number}. {e.title}" for number, e in entries), ""]
    for number, e in entries:
        lines += _entry(number, e)
    if name == "errata":
        lines += ["## Slips without consequence", "", *_wrapped("Slips of the pen, listed so that nobody wonders."), ""]
        for source, slip in SLIPS:
            lines += textwrap.wrap(f"* {source} {slip}", 118, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines).rstrip() + "\n"


def _entry(number: int, e: Erratum) -> list[str]:
    lines = [f"## {number}. {e.title}", "", e.source, ""]
    for heading, text in e.parts():
        lines += [*_wrapped(f"**{heading}** {text}"), ""]
    lines += [*_wrapped(f"**Example.** {about(e.example)}"), "", "| quantity | value |", "|---|---|"]
    lines += [f"| {label.replace('|', chr(92) + '|')} | {stated(value)} |" for label, value in e.example().items()]
    return [*lines, ""]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)
