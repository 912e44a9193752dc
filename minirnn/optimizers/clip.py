"""Gradient clipping, between the backward pass and the rules."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.rows import Rows

Array = Any
Gradients = dict[str, Any]


class ClipElementwise:
    """g ← min(max(g, −limit), limit), entry by entry, for the parameters that match `pattern`.

    It changes the direction of the gradient. Real and imaginary parts are clipped apart.
    """

    def __init__(self, limit: float, pattern: str = "*") -> None:
        self.limit, self.pattern = _positive(limit), pattern

    def check(self, names: list[str]) -> None:
        if not any(fnmatchcase(name, self.pattern) for name in names):
            raise UsageError(f"no parameter matches {self.pattern!r}, to be clipped; parameters: {', '.join(names)}")

    def __call__(self, grads: Gradients) -> Gradients:
        return {name: _map(self._clip, g) if fnmatchcase(name, self.pattern) else g for name, g in grads.items()}

    def _clip(self, g: Array) -> Array:
        if g.dtype.kind == "c":
            return np.clip(g.real, -self.limit, self.limit) + 1j * np.clip(g.imag, -self.limit, self.limit)
        return np.clip(g, -self.limit, self.limit)


class ClipNorm:
    """g ← g · min(1, limit/(‖g‖ + 1e-6)), with ‖g‖ the 2-norm over all parameters together.  [pascanu2013, Algorithm 1]

    It keeps the direction. The 1e-6 only keeps 0/0 away, and is the common libraries' value. Squares overflow from 2e19
    on in float32, and a norm of inf would clip all to 0: g is then divided by 2ᵏ <= max |g|, which is exact.
    """

    def __init__(self, limit: float) -> None:
        self.limit = _positive(limit)

    def check(self, names: list[str]) -> None:
        """Applies to whatever parameters there are."""

    def __call__(self, grads: Gradients) -> Gradients:
        summed = {name: g.summed() if isinstance(g, Rows) else g for name, g in grads.items()}
        norm = _norm(summed)
        unit, overflown = np.ones_like(norm), ~np.isfinite(norm)
        if backend.may(overflown):
            unit = backend.choose(overflown, _power_of_two(_largest(summed)), unit)
            summed = {name: _map(lambda g: (g / unit).astype(g.dtype, copy=False), g) for name, g in summed.items()}
            norm = _norm(summed)                                    # of all g/2ᵏ
        scale = np.minimum(self.limit / (norm + 1e-6 / unit), unit)
        return {name: _map(lambda g: (g * scale).astype(g.dtype, copy=False), g) for name, g in summed.items()}


def _norm(grads: Gradients) -> Array:
    squares = [np.vdot(x, x).real for x in map(_values, grads.values())]
    with np.errstate(over="ignore"):                                # infinity is an answer
        return np.sqrt(sum(squares[1:], squares[0]))


def _largest(grads: Gradients) -> list[Array]:
    return [np.max(np.abs(x)) for x in map(_values, grads.values()) if x.size]


def _values(g: Any) -> Array:
    return g.values if isinstance(g, Rows) else g


def _power_of_two(found: list[Array]) -> Array:
    """2ᵏ <= the largest of some numbers >= 0, and 1 where that is 0 or not finite."""
    largest = found[0]
    for x in found[1:]:
        largest = np.maximum(largest, x)
    unit = np.exp2(np.floor(np.log2(np.maximum(largest, np.finfo(largest.dtype).tiny))))
    return np.where((largest > 0) & (largest < np.inf), unit, 1).astype(largest.dtype)


def _map(function: Any, g: Any) -> Any:
    return g._replace(values=function(g.values)) if isinstance(g, Rows) else function(g)


def _positive(limit: float) -> float:
    if not limit > 0:
        raise UsageError(f"a clipping limit must be positive (got {limit}); leave it out to switch clipping off")
    return limit
