"""docs/results/reliability.md, from what is promised and what was counted."""

from __future__ import annotations

import textwrap
from pathlib import Path

from promises import FOUND, PARTS, PROMISES

PAGE = Path(__file__).parents[2] / "docs" / "results" / "reliability.md"
TITLES = {
    "faults": "Faults", "fuzzing": "Odd and hostile input", "numbers": "Extreme numbers and long runs",
    "safety": "Safety",
}
WIDTH = 118
ABOUT = """\
What minirnn promises when something goes wrong, and how often the test suite tried to break each promise. The page is
written by `make test-faults`, which runs the tests of `tests/faults` in full; `make test` runs a part of them. *Tried*
counts the cases of one full run. *Violations* are the tests in which the promise did not hold. A *control* plants a
violation, such as a file that is not written atomically, and passes if the same check notices it: it shows that the
check can fail. What a user sees in each case, with exit codes, is in
[when something goes wrong](../guides/faults.md)."""


def page(counts: dict[str, dict[str, int]]) -> str:
    """The page for {promise: {"tried", "failed", "controls", "missed"}}."""
    failed, caught, missed = (sum(c.get(key, 0) for c in counts.values()) for key in ("failed", "controls", "missed"))
    kills = sum(c.get("tried", 0) for name, c in counts.items() if name.startswith("kill-"))
    lines = ["# Reliability", "", *ABOUT.splitlines(), ""]
    lines += _wrapped(
        f"**{len(PROMISES)} promises, {failed} violations; {caught} of {caught + missed} planted violations caught; "
        f"{kills} processes killed.**"
    )
    for part in PARTS:
        names = [name for name, promise in PROMISES.items() if promise.part == part]
        if not names:
            continue
        lines += ["", f"## {TITLES[part]}", "", "| promised | tried | violations | controls |", "|---|---|---|---|"]
        lines += [_row(name, counts.get(name, {})) for name in names]
        found = [(said, test) for where, said, test in FOUND if where == part]
        if found:
            lines += ["", "Found by these tests, and mended:", ""]
            lines += [line for said, _ in found for line in _wrapped(f"* {said}", "  ")]
    return "\n".join(lines) + "\n"


def _row(name: str, count: dict[str, int]) -> str:
    promise = PROMISES[name]
    caught, planted = count.get("controls", 0), count.get("controls", 0) + count.get("missed", 0)
    tried = f"{count.get('tried', 0):,} {promise.counts}"
    return f"| {promise.says} | {tried} | {count.get('failed', 0)} | {caught} of {planted} caught |"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
