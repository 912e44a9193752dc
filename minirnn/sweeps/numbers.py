"""What diagnostics say as single numbers, by name: what a table of results can hold of their records.

    field                a number as it is
    field_t0, field_t1   of a list over time, t = 0 .. T: its entries at 0 and 1
    field_low, _high     and its least and largest entry
    field_key_EPS        of a table {"eps": [..], key: [..]}, the entry at each size
    field_key            of any other table, likewise

Texts, lists that do not run over time, and what is not finite have no number. Of several layers, the first counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

WHICH = ("first", "last", "min", "max")
ABOUT = ("split", "step", "seconds", "diagnostic", "layer", "t", "examples", "probes")


def numbers(record: dict[str, Any]) -> dict[str, float]:
    """The numbers of one record."""
    return {name: x for name, x in _numbers(record) if isinstance(x, int | float) and math.isfinite(x)}


def watched(records: Iterable[dict[str, Any]]) -> dict[str, float]:
    """{"FIELD_first", "_last", "_min", "_max"} of what a run's diagnostics said while it was trained."""
    records = [record for record in records if record["split"] == "watch"]
    first = next((record["layer"] for record in records), None)
    found: dict[str, list[float]] = {}
    for record in records:
        for name, x in numbers(record).items() if record["layer"] == first else ():
            found.setdefault(name, []).append(x)
    return {
        f"{name}_{which}": x
        for name, values in found.items()
        for which, x in zip(WHICH, (values[0], values[-1], min(values), max(values)), strict=True)
    }


def _numbers(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    steps = len(record.get("t", ()))
    for field, value in record.items():
        if field in ABOUT:
            continue
        if isinstance(value, dict) and isinstance(value.get("eps"), list):
            for key in value.keys() - {"eps"}:
                for eps, x in zip(value["eps"], value[key], strict=True):
                    yield f"{field}_{key}_{eps:g}", x
        elif isinstance(value, list) and steps and len(value) == steps:
            yield from ((f"{field}_t{t}", value[t]) for t in (0, 1) if t < steps)
            known = [x for x in value if isinstance(x, int | float)]
            yield f"{field}_low", min(known, default=None)
            yield f"{field}_high", max(known, default=None)
        elif isinstance(value, dict):
            yield from ((f"{field}_{name}", x) for name, x in _numbers(value))
        elif not isinstance(value, list | bool):
            yield field, value
