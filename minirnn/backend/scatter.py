"""Adding rows at repeated indices, and indices that are out of range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirnn.backend.transfer import is_device
from minirnn.errors import UsageError

Array = Any


def check_ids(ids: Array, rows: int, what: str) -> None:
    """raises UsageError if `ids`, on the host, are not all in 0 .. rows − 1.

    NumPy takes −1 for the last row, and CuPy any number modulo the rows: neither is meant here. Ids on a device are not
    looked at, since asking would wait for it; whoever moves them there looks first.   Cost: one pass over the ids.
    """
    if is_device(ids) or ids.size == 0:
        return
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= rows:
        raise UsageError(f"the {what} run from {low} to {high}, outside 0..{rows - 1}; number them from 0")


def add_at(target: Array, ids: Array, values: Array) -> None:
    """target[ids] += values, where an index that occurs k times adds its k rows (plain `+=` adds only one of them).

    target (N, ...); ids any shape, 0 ≤ id < N; values ids.shape + target.shape[1:].  Writes into `target`.

    On the host it is one sparse product, S values with S the 0/1 matrix of which row goes where: 4 to 20 times faster
    than np.add.at.  On the device it is atomic additions: the rows of an index are added in whatever order the device
    comes to them, so the last bits differ from run to run.  See `add_at_in_order`, and `check_ids` for the range.
    """
    if ids.size == 0:
        return
    if is_device(target):
        if np.iscomplexobj(target):  # CuPy adds atomically in real types only; real and imag are views
            np.add.at(target.real, ids, values.real)
            np.add.at(target.imag, ids, values.imag)
        else:
            np.add.at(target, ids, values)
        return
    check_ids(ids, len(target), "ids")
    distinct, sums = distinct_sums(ids.reshape(-1), values.reshape(ids.size, math.prod(target.shape[1:])))
    target[distinct] += sums.reshape(distinct.size, *target.shape[1:])


def distinct_sums(ids: Array, values: Array) -> tuple[Array, Array]:
    """(the distinct ids, ascending, and for each the sum of its rows), on the host: ids (N,), values (N, m)."""
    from scipy.sparse import csr_array

    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    first = np.ones(len(ids), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(first)                                  # where each distinct id begins
    ones = np.ones(len(ids), dtype=values.dtype)
    S = csr_array((ones, order, np.append(starts, len(ids))), shape=(len(starts), len(ids)))
    return ordered[starts], S @ values


def add_at_in_order(target: Array, ids: Array, values: Array) -> None:
    """`add_at` with sums that are formed in the same order every time: the same bits from run to run on a device.

    The ids are sorted, equal ones side by side, and their rows summed by doubling: after k rounds a place holds the sum
    of the last 2ᵏ rows of its id up to it, so the last place of an id ends with the sum of all. No shape depends on the
    data and nothing is scattered: each row of the target fetches its sum.  [hillis1986]

    Cost: ⌈log₂ (number of ids)⌉ passes over the values and one over the target, against one pass for the atomic
    additions.  On the host `add_at` keeps an order already, another one: the two agree to rounding.
    """
    if ids.size == 0 or not is_device(target):
        add_at(target, ids, values)
        return
    flat = ids.reshape(-1)
    order = np.argsort(flat, kind="stable")
    flat, S = flat[order], values.reshape(flat.size, math.prod(target.shape[1:]))[order]
    distance = 1
    while distance < flat.size:
        equal = (flat[distance:] == flat[:-distance])[:, None]
        S[distance:] = S[distance:] + np.where(equal, S[:-distance], np.zeros_like(S[:-distance]))
        distance *= 2
    rows = np.arange(len(target), dtype=flat.dtype, like=flat)
    last = np.maximum(np.searchsorted(flat, rows, side="right") - 1, 0)
    sums = np.where((flat[last] == rows)[:, None], S[last], np.zeros_like(S[:1]))
    target += sums.reshape(target.shape)
