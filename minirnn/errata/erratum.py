"""What an erratum is, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Numbers = dict[str, float]
DOES_NOT_HOLD = "As printed.", "What holds.", "Why."
OPEN = "As stated.", "What minirnn takes.", "What the readings give."


class Erratum(NamedTuple):
    """One statement: where it stands, what it says, what is true, why, and the example that returns the numbers.

    Of an open question, where more than one reading is possible: what is stated, which reading this library takes, and
    what follows from each.
    """

    source: str
    title: str
    printed: str
    true: str
    proof: str
    example: Callable[[], Numbers]
    headings: tuple[str, str, str] = DOES_NOT_HOLD

    @property
    def papers(self) -> list[str]:
        """The keys of the papers it is about: of "[chu, thm. 1; dorobantu2016, sec. 3]", chu and dorobantu2016."""
        return [place.split(",")[0].strip() for place in self.source.strip("[]").split(";")]

    def parts(self) -> list[tuple[str, str]]:
        """[(heading, text)], in the order of reading."""
        return list(zip(self.headings, (self.printed, self.true, self.proof), strict=True))


def stated(value: float) -> str:
    """A number as the page states it: four digits, and 0 for what is below 1e-12."""
    return f"{value:.4g}" if abs(value) >= 1e-12 else "0"


def about(example: Callable[[], Numbers]) -> str:
    """What an example computes, from its docstring."""
    return " ".join((example.__doc__ or "").split())
