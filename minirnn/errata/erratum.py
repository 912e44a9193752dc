"""What an erratum is, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Numbers = dict[str, float]


class Erratum(NamedTuple):
    """One statement: where it stands, what it says, what is true, why, and the example that returns the numbers."""

    source: str
    title: str
    printed: str
    true: str
    proof: str
    example: Callable[[], Numbers]


def stated(value: float) -> str:
    """A number as the page states it: four digits, and 0 for what is below 1e-12."""
    return f"{value:.4g}" if abs(value) >= 1e-12 else "0"


def about(example: Callable[[], Numbers]) -> str:
    """What an example computes, from its docstring."""
    return " ".join((example.__doc__ or "").split())
