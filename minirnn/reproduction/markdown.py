"""Lines of Markdown: tables, lists and paragraphs that a page is made of."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 118


def table(head: list[str], body: list[list[str]]) -> list[str]:
    """A table; bars within cells are escaped."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *body)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:]]


def items(texts: Iterable[str]) -> list[str]:
    """A list."""
    return [line for text in texts for line in textwrap.wrap(f"* {text}", WIDTH, subsequent_indent="  ",
                                                           break_long_words=False, break_on_hyphens=False)]


def wrapped(text: str) -> list[str]:
    """A paragraph."""
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
