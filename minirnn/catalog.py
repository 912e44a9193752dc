"""Components are found by walking the packages: a class is checked, listed and documented because it exists."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import numpy as np

from minirnn.errors import UsageError

# kind -> (package or module, the base class's name there); models are functions and have none
KINDS = {
    "cells": ("minirnn.cells", "Cell"),
    "activations": ("minirnn.activations", "Activation"),
    "parametrizations": ("minirnn.parametrizations", "Parametrization"),
    "layers": ("minirnn.layers", "Layer"),
    "regularizers": ("minirnn.regularizers", "Regularizer"),
    "losses": ("minirnn.losses", "Loss"),
    "memories": ("minirnn.bptt", "Memory"),
    "rules": ("minirnn.optimizers", "Rule"),
    "schedules": ("minirnn.optimizers.schedules", "Schedule"),
    "tasks": ("minirnn.tasks", "Task"),
    "models": ("minirnn.models", None),
    "diagnostics": ("minirnn.diagnostics", "Diagnostic"),
    "figures": ("minirnn.figures", "Figure"),
}
CHECKED = ("cells", "activations", "parametrizations", "layers", "regularizers", "losses", "models")


def components(kind: str) -> dict[str, Any]:
    """{command-line name: class or function} of a kind, in alphabetical order.

    A package holds one component per module, and the component is named after the module; in a single module
    (layers, losses) each is named after its class. Underscores and capitals become hyphens.
    """
    place, base_name = KINDS[kind]
    root = importlib.import_module(place)
    if not hasattr(root, "__path__"):
        base = getattr(root, base_name or "")
        found = {_hyphenated(c.__name__): c for c in _subclasses(root, base)}
        return dict(sorted(found.items()))
    found = {}
    for info in pkgutil.iter_modules(root.__path__):
        if info.name.startswith("_") or info.name == "base":
            continue
        module = importlib.import_module(f"{place}.{info.name}")
        if base_name is None:
            candidates = [getattr(module, info.name)]
        else:
            candidates = _subclasses(module, getattr(importlib.import_module(f"{place}.base"), base_name))
        for candidate in candidates[:1]:
            found[info.name.replace("_", "-")] = candidate
    return dict(sorted(found.items()))


def find(kind: str, name: str) -> Any:
    """The component of that name, or a UsageError that says which names there are and which one was meant."""
    known = components(kind)
    if isinstance(name, str) and name in known:
        return known[name]
    raise unknown(singular(kind), name, known)


def singular(kind: str) -> str:
    """The name of one component of a kind: cells -> cell, losses -> loss, memories -> memory."""
    if kind.endswith("ies"):
        return f"{kind[:-3]}y"
    return kind[:-2] if kind.endswith("sses") else kind[:-1]


def unknown(what: str, given: str, known) -> UsageError:
    """The error for a name that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(str(given), list(known), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(sorted(known))}"
    return UsageError(f"there is no {what} {given!r}; {hint}")


def examples(kind: str, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """(label, instance) of every component of a kind, in all its variants."""
    for name, component in components(kind).items():
        for label, instance in component.examples(n, rng):
            yield (f"{name}, {label}" if label else name), instance


def _subclasses(module: Any, base: type) -> list[type]:
    return [
        c for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, base) and c is not base and c.__module__ == module.__name__
    ]


def _hyphenated(name: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))
