"""What a diagnostic found, as rows of a table: numbers, curves, groups of them; nothing here knows a diagnostic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from minirnn.cli.sparkline import logarithmic, sparkline

SHORT = 6       # lists up to this length are written out
WIDE = 110      # columns of text where there is no terminal to ask
Row = tuple[str, str, str, str]     # name, value, curve, range
AXES = "t", "x", "y"                # fields that only say where a curve or a grid is measured


def tables(found: dict[str, Any]) -> Iterator[Table]:
    """The fields, and one more table for each group of groups, such as the gates of a cell: its numbers side by side.

    A row holds a name, a value (of a curve: first → last), the curve, and smallest .. largest if not at its ends.
    """
    compared = {name: value for name, value in found.items() if _is_comparison(value)}
    yield _table(4, rows({name: value for name, value in found.items() if name not in compared}))
    for name, groups in compared.items():
        first = next(iter(groups.values()))
        numbers = [field for field, value in first.items() if not isinstance(value, list | dict)]
        heading = (f"  {name}", *groups)
        lines = [(f"    {field}", *(number(group.get(field)) for group in groups.values())) for field in numbers]
        yield _table(len(heading), [heading, *lines])


def rows(found: dict[str, Any], indent: str = "  ") -> Iterator[Row]:
    """One row per field, groups indented under their name."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield f"{indent}{name}", "", "", ""
            yield from rows(value, indent + "  ")
        elif name in AXES and isinstance(value, list) and value:
            yield f"{indent}{name}", f"{number(value[0])} .. {number(value[-1])}", "", ""
        elif isinstance(value, list):
            yield (f"{indent}{name}", *_list(name, value))
        else:
            yield f"{indent}{name}", number(value), "", ""


def _is_comparison(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(group, dict) for group in value.values())


def _table(columns: int, lines: Iterable[Sequence[str]]) -> Table:
    shown = Table(show_header=False, show_edge=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    shown.add_column(no_wrap=True)
    for _ in range(columns - 1):
        shown.add_column()
    for line in lines:
        shown.add_row(*map(escape, line))
    return shown


def number(value: Any) -> str:
    """Four digits of a number; None is what was not finite."""
    if value is None:
        return "not finite"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _list(name: str, values: list[Any]) -> tuple[str, str, str]:
    if values and isinstance(values[0], list):
        if name == "eigenvalues":                                   # (re, im) each
            value, curve, _ = _list("", sorted((math.hypot(*pair) for pair in values), reverse=True))
            return f"|λ| {value}", curve, ""
        flat = [x for line in values for x in line if x is not None]
        size = f"{len(values)} x {len(values[0])}"
        return size, "", f"{number(min(flat))} .. {number(max(flat))}" if flat else ""
    if len(values) <= SHORT or not all(isinstance(x, int | float | None) for x in values):
        return ", ".join(map(number, values)) or "none", "", ""
    known = [x for x in values if x is not None]
    low, high = (min(known), max(known)) if known else (None, None)
    ends = sorted(map(number, (values[0], values[-1])))
    span = "" if ends == sorted(map(number, (low, high))) else f"{number(low)} .. {number(high)}"
    scale = "log scale" if logarithmic(values) else ""
    return f"{number(values[0])} → {number(values[-1])}", sparkline(values), "  ".join(filter(None, (span, scale)))
