"""A curve in one line of block characters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

BLOCKS = "▁▂▃▄▅▆▇█"
FLAT = 0.01     # curves whose largest value is within 1 % of the smallest are drawn as constant: noise is no shape
SPAN = 100.0    # positive values that span more than this factor are drawn on a logarithmic scale


def sparkline(values: Sequence[float | None], width: int = 20) -> str:
    """At most `width` blocks, the lowest for the smallest value; a longer curve is cut into parts, each its mean.

    The scale is logarithmic where `logarithmic` says so; an exact zero then has the lowest block. What is missing or
    not finite leaves a space. A constant curve stands at half height.
    """
    known = [x for x in values if x is not None and math.isfinite(x)]
    if not known:
        return " " * min(width, len(values))
    low, high = min(known), max(known)
    if high - low <= FLAT * max(abs(low), abs(high)):
        scale = lambda x: 0.5                                       # noqa: E731
    elif logarithmic(known):
        floor = math.log(min(x for x in known if x > 0))
        span = math.log(high) - floor
        scale = lambda x: (math.log(x) - floor) / span if x > 0 else 0.0        # noqa: E731
    else:
        scale = lambda x: (x - low) / (high - low)                  # noqa: E731
    heights = [scale(x) if x is not None and math.isfinite(x) else None for x in values]
    return "".join(_block(part) for part in _parts(heights, width))


def logarithmic(values: Sequence[float | None]) -> bool:
    """Whether the curve has no negative value and spans more than a factor of 100."""
    known = [x for x in values if x is not None and math.isfinite(x)]
    positive = [x for x in known if x > 0]
    return bool(positive) and min(known) >= 0 and max(positive) > SPAN * min(positive)


def _parts(heights: list[float | None], width: int) -> list[list[float | None]]:
    count = min(width, len(heights))
    ends = [round(k * len(heights) / count) for k in range(count + 1)]
    return [heights[start:end] for start, end in pairwise(ends)]


def _block(part: list[float | None]) -> str:
    known = [x for x in part if x is not None]
    return BLOCKS[min(int(len(BLOCKS) * sum(known) / len(known)), len(BLOCKS) - 1)] if known else " "
