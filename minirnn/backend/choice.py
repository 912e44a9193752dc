"""Branches that depend on numbers: taken on the host, and computed and masked on a device, which is never asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.backend.transfer import is_device

Array = Any


def may(flag: Array) -> bool:
    """Whether `flag`, a 0-d array of bool, may be true: on the host, whether it is; on a device always, since asking
    would wait for it.  What is computed then is taken by `choose`, or not."""
    return is_device(flag) or bool(flag)


def choose(flag: Array, a: Array, b: Array) -> Array:
    """a where `flag`, a 0-d array of bool, is true, else b: on the host the one array itself, on a device a copy."""
    if is_device(flag):
        return np.where(flag, a, b)
    return a if flag else b
