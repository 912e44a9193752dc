"""How the property tests of this folder draw their cases: hypothesis, the same cases in every process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)


def fuzz(tried: Callable[[int], None], examples: int, check: Callable[..., Any], *drawn: st.SearchStrategy) -> None:
    """Call check(*values) with drawn values, and count. A failure is made as small as possible and printed."""
    count = 0

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
    @given(st.tuples(*drawn))
    def run(values):
        nonlocal count
        count += 1
        check(*values)

    run()
    tried(count)


def examples(short: int, many: int) -> Any:
    """Parametrizes `examples`: a few in `make test`, as many in `make test-faults`."""
    return pytest.mark.parametrize(
        "examples", [short, pytest.param(many, marks=pytest.mark.many)], ids=["short", "many"]
    )


# -- arrays that are equal to x, and lie in memory in another way


def _strided(x: np.ndarray) -> np.ndarray:
    room = np.full(tuple(2 * s + 1 for s in x.shape), 7, x.dtype)
    view = room[tuple(slice(1, 2 * s + 1, 2) for s in x.shape)]
    view[...] = x
    return view


def _backwards(x: np.ndarray) -> np.ndarray:
    return np.flip(np.flip(x).copy())


def _read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "in order": np.ascontiguousarray, "column by column": np.asfortranarray, "every second": _strided,
    "backwards": _backwards, "read-only": _read_only,
}
LAYOUT = st.sampled_from(list(LAYOUTS))
