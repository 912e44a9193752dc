"""The gradient checker: one for the tests, the command line and your own derivation.

Central differences (L(θ + h) − L(θ − h)) / 2h in float64 are compared with the hand-written gradient, entry by entry.
The error of a tensor is  max|a − b| / max(max|a|, max|b|, FLOOR): relative to its largest entry, so that exact zeros do
not blow up, with a floor for tensors whose gradient vanishes altogether.

Steps. With h = 1e-5 the truncation error is h²f'''/6 ≈ 1e-11 and the rounding error ε|L|/h ≈ 2e-11 for L of order 1;
the limit 1e-7 leaves four orders for curvature. An activation with a kink is wrong only where θ ± h straddles it, so
an entry counts as wrong when it disagrees at h, h/8 and h/64 alike: a wrong formula disagrees at every step.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from minirnn import catalog, problems
from minirnn.errors import UsageError
from minirnn.problems import Problem
from minirnn.rows import Rows

TOLERANCE = 1e-7
STEPS = (1e-5, 1.25e-6, 1.5625e-7)
FLOOR = 1e-3
EXHAUSTIVE = 2000      # tensors with more entries are checked along random directions and at a sample of entries


@dataclass(frozen=True)
class Row:
    """What the check of one parameter found.

    error       see the module; `worst` is the entry with the largest deviation, with both its values
    slope       order in s of |L(θ + sv) − L(θ) − s⟨ḡ, v⟩|: 2 if the gradient is right, 1 if not, inf if L is linear
    """

    kind: str
    component: str
    example: str
    parameter: str
    size: int
    error: float
    worst: tuple[int, ...]
    analytic: complex
    numeric: complex
    slope: float
    passed: bool
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON: complex numbers as [real, imaginary], an infinite slope as null."""
        plain = asdict(self)
        for key in ("analytic", "numeric"):
            z = plain[key]
            plain[key] = [z.real, z.imag] if isinstance(z, complex) else float(z)
        plain["slope"] = None if np.isinf(self.slope) else self.slope
        return plain


def check_component(
    kind: str, name: str, component: Any, n: int = 5, seed: int = 0, length: int = problems.LENGTH
) -> list[Row]:
    """Check every example of one component. `kind` is one of `catalog.CHECKED`, `length` a cell's steps of time."""
    rng = np.random.default_rng(seed)
    rows = []
    for label, problem in problems.of(kind, component, n, rng, length):
        rows += check(problem, kind, name, label, rng)
    return rows


def check_all(
    names: list[str] | None = None, n: int = 5, seed: int = 0, length: int = problems.LENGTH
) -> Iterator[list[Row]]:
    """The rows of one component after another: of all, or of those named."""
    known = {kind: catalog.components(kind) for kind in catalog.CHECKED}
    for name in names or ():
        if not any(name in found for found in known.values()):
            raise catalog.unknown("component", name, {name for found in known.values() for name in found})
    for kind, found in known.items():
        for name, component in found.items():
            if names is None or name in names:
                yield check_component(kind, name, component, n, seed, length)


def check_file(path: Path, n: int = 5, seed: int = 0, length: int = problems.LENGTH) -> Iterator[list[Row]]:
    """The rows of every component that a Python file defines. The file is executed."""
    module = _load(path)
    found = False
    for kind in catalog.CHECKED[:-1]:
        base = getattr(importlib.import_module(catalog.KINDS[kind][0]), catalog.KINDS[kind][1] or "")
        for name, component in inspect.getmembers(module, inspect.isclass):
            if issubclass(component, base) and component.__module__ == module.__name__:
                found = True
                yield check_component(kind, name, component, n, seed, length)
    if not found:
        raise UsageError(f"{path} defines no component to check; derive a class from minirnn.cells.Cell or the like")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"minirnn_checked_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"cannot read {path} as a Python file; give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path} does not run: {type(error).__name__}: {error}") from error
    return module


def check(
    problem: Problem, kind: str = "", component: str = "", example: str = "", rng: np.random.Generator | None = None
) -> list[Row]:
    """Compare the claimed gradient of every array with central differences; the names only label the rows."""
    rng = np.random.default_rng(0) if rng is None else rng
    grads = problem.gradients()
    missing = set(problem.arrays) ^ set(grads)
    if missing:
        raise UsageError(f"{component}: parameters and gradients have different names: {sorted(missing)}")
    rows = []
    for name, x in problem.arrays.items():
        claimed = grads[name].dense(x) if isinstance(grads[name], Rows) else np.asarray(grads[name])
        if claimed.shape != x.shape:
            raise UsageError(f"{component}: {name!r} has shape {x.shape}, its gradient {claimed.shape}")
        entries = _entries(x, rng)
        analytic = claimed[entries]
        numeric = np.array([_entry(problem, x, index, claimed[index]) for index in zip(*entries, strict=True)])
        scale = max(np.max(np.abs(claimed)), np.max(np.abs(numeric)), FLOOR)
        deviation = np.abs(analytic - numeric)
        k = int(np.argmax(deviation))
        error = float(deviation[k] / scale)
        if x.size > EXHAUSTIVE:
            error = max(error, _directional_error(problem, x, claimed, rng))
        slope = taylor_slope(problem, {name: claimed}, rng)
        passed = bool(error <= TOLERANCE and slope >= 1.9)
        hint = "" if passed else _hint(claimed, entries, numeric)
        worst = tuple(int(axis[k]) for axis in entries)
        found = analytic[k].item(), numeric[k].item(), slope, passed, hint
        rows.append(Row(kind, component, example, name, x.size, error, worst, *found))
    return rows


def taylor_slope(problem: Problem, grads: dict[str, np.ndarray], rng: np.random.Generator) -> float:
    """The order at which the linear model misses: 2 for a right gradient, 1 for a wrong one, inf where L is linear.

    The misses are summed over four random unit directions v; steps run from 1e-3 down to 1e-5, and points at the level
    of rounding are left out. A kink close to θ makes the model miss on its far side alone, a wrong gradient on both: of
    v and −v the smaller miss counts.
    """
    start, steps = problem.value(), np.logspace(-3, -5, 5)
    misses = np.zeros(len(steps))
    for _ in range(4):
        v = {name: _direction(problem.arrays[name], rng) for name in grads}
        rate = sum(_inner(grads[name], v[name]) for name in grads)
        for k, s in enumerate(steps):
            misses[k] += min(_miss(problem, v, s, start, rate), _miss(problem, v, -s, start, rate))
    seen = misses > 1e3 * np.finfo(float).eps * max(1.0, abs(start))
    if seen.sum() < 2:
        return float("inf")
    return float(np.polyfit(np.log(steps[seen]), np.log(misses[seen]), 1)[0])


def _miss(problem: Problem, v: dict[str, np.ndarray], s: float, start: float, rate: float) -> float:
    """|L(θ + sv) − L(θ) − s · rate|."""
    with _moved(problem.arrays, v, s):
        return abs(problem.value() - start - s * rate)


def _entry(problem: Problem, x: np.ndarray, index: tuple, claimed: Any) -> Any:
    """∂L/∂x[index] by central differences: of the steps, tried until one agrees, what comes closest to the claim."""
    directions = (1.0, 1j) if x.dtype.kind == "c" else (1.0,)
    found = []
    for h in STEPS:
        found.append(sum(d * _difference(problem, x, index, h * d) for d in directions))
        if abs(found[-1] - claimed) <= TOLERANCE * max(abs(claimed), FLOOR):
            break
    return min(found, key=lambda numeric: abs(numeric - claimed))


def _difference(problem: Problem, x: np.ndarray, index: tuple, h: complex) -> float:
    kept = x[index]
    x[index] = kept + h
    up = problem.value()
    x[index] = kept - h
    down = problem.value()
    x[index] = kept
    return (up - down) / (2 * abs(h))


def _directional_error(problem: Problem, x: np.ndarray, claimed: np.ndarray, rng: np.random.Generator) -> float:
    """Worst |⟨ḡ, v⟩ − dL(v)| / ‖ḡ‖ over five random unit directions v of one array."""
    name = next(name for name, array in problem.arrays.items() if array is x)
    worst, h = 0.0, STEPS[0]
    for _ in range(5):
        v = _direction(x, rng)
        with _moved(problem.arrays, {name: v}, h):
            up = problem.value()
        with _moved(problem.arrays, {name: v}, -h):
            down = problem.value()
        worst = max(worst, abs(_inner(claimed, v) - (up - down) / (2 * h)) / max(float(np.linalg.norm(claimed)), FLOOR))
    return worst


class _moved:
    """Within the block, arrays stand at θ + s v; afterwards exactly at θ again."""

    def __init__(self, arrays: dict[str, np.ndarray], v: dict[str, np.ndarray], s: float):
        self.arrays, self.v, self.s = arrays, v, s

    def __enter__(self) -> None:
        self.kept = {name: self.arrays[name].copy() for name in self.v}
        for name, direction in self.v.items():
            self.arrays[name] += self.s * direction

    def __exit__(self, *_: object) -> None:
        for name, x in self.kept.items():
            self.arrays[name][...] = x


def _entries(x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    flat = np.arange(x.size) if x.size <= EXHAUSTIVE else rng.choice(x.size, 200, replace=False)
    return np.unravel_index(flat, x.shape)


def _direction(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    v = rng.standard_normal(x.shape)
    if x.dtype.kind == "c":
        v = v + 1j * rng.standard_normal(x.shape)
    return v / np.linalg.norm(v)


def _inner(g: np.ndarray, v: np.ndarray) -> float:
    return float(np.sum((np.conj(g) * v).real))


def _hint(claimed: np.ndarray, entries: tuple, numeric: np.ndarray) -> str:
    """The usual cause that the numbers point to."""
    analytic = claimed[entries]
    largest = np.max(np.abs(numeric))
    if largest < 1e-9:
        return "the loss does not depend on it, but a gradient is claimed: is it another parameter's?"
    if np.max(np.abs(analytic)) < 1e-9 * largest:
        return "the gradient is zero: was the term left out, or the result not returned?"
    ratio = np.vdot(numeric, analytic).real / np.vdot(numeric, numeric).real
    if np.max(np.abs(analytic - ratio * numeric)) < 1e-6 * largest:
        return "the sign is flipped" if abs(ratio + 1) < 1e-6 else f"it is {ratio:.6g} times the true gradient"
    full = numeric.reshape(claimed.shape) if numeric.size == claimed.size else None
    if full is not None and claimed.ndim == 2 and claimed.shape[0] == claimed.shape[1]:
        if np.max(np.abs(claimed.T - full)) < 1e-6 * largest:
            return "it is the transpose of the true gradient: look for a missing .T"
        if claimed.dtype.kind == "c" and np.max(np.abs(claimed.conj().T - full)) < 1e-6 * largest:
            return "it is the conjugate transpose of the true gradient"
    if claimed.dtype.kind == "c" and np.max(np.abs(analytic.conj() - numeric)) < 1e-6 * largest:
        return "it is the conjugate of the true gradient: look for a missing .conj()"
    return "usual causes: a value used twice whose two gradients were not added, a wrong transpose, or a stale cache"
