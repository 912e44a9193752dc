"""docs/errata.md, printed by `python -m minirnn.errata`."""

from __future__ import annotations

import textwrap

from minirnn.errata.erratum import Erratum, about, stated


def page(errata: tuple[Erratum, ...]) -> str:
    """docs/errata.md, with the numbers of the examples as they come out now."""
    lines = [
        "# Errata",
        "",
        *_wrapped(
            "Statements of the papers that do not hold as printed, what holds instead, and why; each with an example "
            "that you can run: `minirnn errata 3` prints number 3 and computes its numbers. Keys are those of the "
            "[bibliography](bibliography.md). None of this touches the ideas, which are implemented here because they "
            "work; it is for readers who check a program against a page and wonder which of the two to trust. In "
            "the tables, 0 stands for anything below 1e-12."
        ),
        "",
        *_wrapped("This page is printed by `python -m minirnn.errata`; text and examples are in minirnn/errata/."),
        "",
    ]
    for number, e in enumerate(errata, 1):
        lines += [f"## {number}. {e.title}", "", e.source, ""]
        for heading, text in (("As printed.", e.printed), ("What holds.", e.true), ("Why.", e.proof)):
            lines += [*_wrapped(f"**{heading}** {text}"), ""]
        lines += [*_wrapped(f"**Example.** {about(e.example)}"), "", "| quantity | value |", "|---|---|"]
        lines += [f"| {label.replace('|', chr(92) + '|')} | {stated(value)} |" for label, value in e.example().items()]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)
