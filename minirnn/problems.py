"""From a component to a scalar function of its parameters, whose gradient can be checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from minirnn import unroll
from minirnn.errors import UsageError
from minirnn.layers import join
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.model import walk


@dataclass(frozen=True)
class Problem:
    """A scalar function of some arrays, with its claimed gradient.

    arrays      name -> array; `value` reads them, the checker changes them in place and puts them back
    value       () -> L
    gradients   () -> {name: ∂L/∂array}
    """

    arrays: dict[str, np.ndarray]
    value: Callable[[], float]
    gradients: Callable[[], dict[str, Any]]


def of(kind: str, component: Any, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Problem]]:
    """(label, problem) for each example of a component; a model is one problem."""
    if kind == "models":
        yield "", _model_problem(component, rng)
        try:
            tied = _model_problem(component, rng, tied=True)
        except UsageError:                                          # a complex network has no real table to share
            return
        yield "tied", tied
        return
    build = {
        "cells": _cell_problem,
        "activations": _activation_problem,
        "parametrizations": _parametrization_problem,
        "layers": _layer_problem,
        "losses": _loss_problem,
    }[kind]
    for label, example in component.examples(n, rng):
        yield label, build(example, n, rng)


def _cell_problem(cell: Any, n: int, rng: np.random.Generator) -> Problem:
    """A few steps of the cell, more than one segment of the loop, with a random linear loss on all hidden states."""
    T, B, G = unroll.SEGMENT + 2, 2, len(cell.gates)
    state = {f"{name}0": 0.5 * rng.standard_normal((B, n)) for name in ("h", "c")[: cell.states]}
    matrices = {k: rng.standard_normal((r * n, c * n)) / np.sqrt(n) for k, (r, c) in cell.matrices.items()}
    arrays = {"a": rng.standard_normal((T, B, G * n)), **state, **matrices, **_params(cell)}
    C = rng.standard_normal((T, B, n))

    def run() -> tuple[SimpleNamespace, unroll.Tape]:
        w = SimpleNamespace(**{name: arrays[name] for name in matrices})
        start = tuple(arrays[name] for name in state)
        return w, unroll.forward(cell, arrays["a"].copy(), start, w)

    def value() -> float:
        return float(np.sum(C * run()[1].states[0][1:]))

    def gradients() -> dict[str, Any]:
        w, tape = run()
        dA = np.empty_like(arrays["a"])
        dstate, dmatrices, dvectors = unroll.backward(cell, C, tape, w, dA.__setitem__)
        return {"a": dA, **dict(zip(state, dstate, strict=True)), **dmatrices, **dvectors}

    return Problem(arrays, value, gradients)


def _activation_problem(f: Any, n: int, rng: np.random.Generator) -> Problem:
    z, C = rng.standard_normal((2, 3, n))

    def gradients() -> dict[str, Any]:
        h = f.forward(z)
        return {"z": f.backward(C, z, h), **f.gradients(C, z, h)}

    return Problem({"z": z, **f.params}, lambda: float(np.sum(C * f.forward(z))), gradients)


def _parametrization_problem(p: Any, n: int, rng: np.random.Generator) -> Problem:
    C = rng.standard_normal(p.matrix()[0].shape)

    def gradients() -> dict[str, Any]:
        W, cache = p.matrix()
        return {name or "W": d for name, d in p.pullback(C * np.cos(W), cache).items()}

    arrays = {name or "W": x for name, x in p.params.items()}
    return Problem(arrays, lambda: float(np.sum(C * np.sin(p.matrix()[0]))), gradients)


def _layer_problem(example: Any, n: int, rng: np.random.Generator) -> Problem:
    layer, X = example
    seed = int(rng.integers(2**32))
    real = X.dtype.kind == "f"

    def forward() -> tuple[Any, Any]:
        takes_rng = "rng" in inspect.signature(layer.forward).parameters
        found = layer.forward(X, np.random.default_rng(seed)) if takes_rng else layer.forward(X)
        return found[0], found[-1]

    C = rng.standard_normal(forward()[0].shape)

    def gradients() -> dict[str, Any]:
        dX, grads = layer.backward(C, forward()[1])
        return {"x": dX, **grads} if real else grads

    arrays = ({"x": X} if real else {}) | _params(layer)
    return Problem(arrays, lambda: float(np.sum(C * forward()[0])), gradients)


def _loss_problem(example: Any, n: int, rng: np.random.Generator) -> Problem:
    loss, y, batch = example

    def gradients() -> dict[str, Any]:
        return {"y": loss.backward(loss.forward(y, batch)[1])}

    return Problem({"y": y}, lambda: float(loss.forward(y, batch)[0]), gradients)


def _model_problem(build: Any, rng: np.random.Generator, tied: bool = False) -> Problem:
    """A two-layer model on embedded symbols, with a masked cross-entropy: everything a model does, at once."""
    n_in, embedding_size = (4, 4) if tied else (3, 2)
    shared = {"symbols": True, "embedding_size": embedding_size, "tied": tied, "layers": 2, "dtype": np.float64}
    model = build(n_in, 4, 4, rng=rng, **shared)
    loss = SoftmaxCrossEntropy()
    for x in model.params.values():
        x += 0.1 * rng.standard_normal(x.shape)
    x = rng.integers(0, n_in, (4, 3))
    mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    batch = SimpleNamespace(y=rng.integers(0, 4, (3, 3)), mask=mask)

    def gradients() -> dict[str, Any]:
        y, _, tape = model.forward(x, read=3)
        return model.backward(loss.backward(loss.forward(y, batch)[1]), tape)

    return Problem(model.params, lambda: float(loss.forward(model.forward(x, read=3)[0], batch)[0]), gradients)


def _params(part: Any) -> dict[str, np.ndarray]:
    return {join(path, name): x for path, owner in walk("", part) for name, x in owner.params.items()}
