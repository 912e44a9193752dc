"""From a component to a scalar function of its parameters, whose gradient can be checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from minirnn import unroll
from minirnn.errors import UsageError
from minirnn.gates import step_matrices
from minirnn.linalg import outer_sum
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.model import walk
from minirnn.operators import Operator
from minirnn.paths import join

LENGTH = unroll.SEGMENT + 2      # steps of a cell's sequence: more than one segment of the loop


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


def of(
    kind: str, component: Any, n: int, rng: np.random.Generator, length: int = LENGTH
) -> Iterator[tuple[str, Problem]]:
    """(label, problem) for each example of a component; a model is one problem. `length`: of a cell's sequence."""
    if kind == "models":
        yield "", _model_problem(component, rng)
        try:
            tied = _model_problem(component, rng, tied=True)
        except UsageError:                                          # a complex network has no real table to share
            return
        yield "tied", tied
        return
    builders: dict[str, Callable[..., Problem]] = {
        "cells": partial(_cell_problem, T=length),
        "activations": _activation_problem,
        "parametrizations": _parametrization_problem,
        "layers": _layer_problem,
        "regularizers": _regularizer_problem,
        "losses": _loss_problem,
    }
    build = builders[kind]
    for label, example in component.examples(n, rng):
        if kind not in ("cells", "activations"):
            yield label, build(example, n, rng)
            continue
        for number in example.kinds:
            words = [label, "complex" if number == "c" and len(example.kinds) > 1 else ""]
            yield ", ".join(filter(None, words)), build(example, _fitting(example, n, number), rng, number)


def _cell_problem(cell: Any, n: int, rng: np.random.Generator, number: str, T: int) -> Problem:
    """T steps of the cell, with a random linear loss on all hidden states."""
    B = 2
    state = {f"{name}0": 0.5 * _normal((B, n), rng, number) for name in ("h", "c")[: cell.states]}
    matrices = {k: _normal((r * n, c * n), rng, number) / np.sqrt(n) for k, (r, c) in cell.matrices.items()}
    arrays = {"a": _normal((T, *cell.shape(B, n)), rng, number), **state, **matrices, **_params(cell)}
    C = _normal((T, B, n), rng, number)

    def run() -> tuple[SimpleNamespace, unroll.Tape]:
        w = step_matrices(cell, {name: arrays[name] for name in matrices}, B)
        start = tuple(arrays[name] for name in state)
        return w, unroll.forward(cell, arrays["a"].copy(), start, w)

    def value() -> float:
        return _inner(C, run()[1].states[0][1:])

    def gradients() -> dict[str, Any]:
        w, tape = run()
        dA = np.empty_like(arrays["a"])
        dstate, dmatrices, dvectors = unroll.backward(cell, C, tape, w, dA.__setitem__)
        return {"a": dA, **dict(zip(state, dstate, strict=True)), **dmatrices, **dvectors}

    return Problem(arrays, value, gradients)


def _activation_problem(f: Any, n: int, rng: np.random.Generator, number: str) -> Problem:
    z, C = _normal((2, 3, n), rng, number)

    def gradients() -> dict[str, Any]:
        h = f.forward(z)
        return {"z": f.backward(C, z, h), **f.gradients(C, z, h)}

    return Problem({"z": z, **f.params}, lambda: _inner(C, f.forward(z)), gradients)


def _parametrization_problem(p: Any, n: int, rng: np.random.Generator) -> Problem:
    """L = ⟨C, sin W⟩ of what the pullback claims to differentiate: the parametrization, unless it says otherwise."""
    if isinstance(p.matrix()[0], Operator):
        return _operator_problem(p, n, rng)
    C = _normal(p.matrix()[0].shape, rng, p.matrix()[0].dtype.kind)
    claimed = p.claim()

    def gradients() -> dict[str, Any]:
        W, cache = p.matrix()
        return {name or "W": d for name, d in p.pullback(C * np.cos(W).conj(), cache).items()}

    arrays = {name or "W": x for name, x in _params(claimed).items()}
    return Problem(arrays, lambda: _inner(C, np.sin(claimed.matrix()[0])), gradients)


def _operator_problem(p: Any, n: int, rng: np.random.Generator) -> Problem:
    """The three lines a cell writes with its matrix, for a structure that answers them itself."""
    rows, columns = p.matrix()[0].shape
    H, C = rng.standard_normal((2, 3, columns)), rng.standard_normal((2, 3, rows))

    def gradients() -> dict[str, Any]:
        W, cache = p.matrix()
        dZ = C * np.cos(H @ W.T)
        return {"h": dZ @ W.conj(), **{name or "W": d for name, d in p.pullback(outer_sum(W, dZ, H), cache).items()}}

    arrays = {"h": H, **{name or "W": x for name, x in _params(p).items()}}
    return Problem(arrays, lambda: float(np.sum(C * np.sin(H @ p.matrix()[0].T))), gradients)


def _layer_problem(example: Any, n: int, rng: np.random.Generator) -> Problem:
    layer, X = example
    seed = int(rng.integers(2**32))
    differentiable = X.dtype.kind in "fc"

    def forward() -> tuple[Any, Any]:
        takes_rng = "rng" in inspect.signature(layer.forward).parameters
        found = layer.forward(X, np.random.default_rng(seed)) if takes_rng else layer.forward(X)
        return found[0], found[-1]

    Y = forward()[0]
    C = _normal(Y.shape, rng, Y.dtype.kind)

    def gradients() -> dict[str, Any]:
        dX, grads = layer.backward(C, forward()[1])
        return {"x": dX, **grads} if differentiable else grads

    def value() -> float:
        Y, cache = forward()
        return float(_inner(C, Y) + (layer.penalty(cache) if hasattr(layer, "penalty") else 0))

    arrays = ({"x": X} if differentiable else {}) | _params(layer)
    return Problem(arrays, value, gradients)


def _regularizer_problem(example: Any, n: int, rng: np.random.Generator) -> Problem:
    regularizer, W = example

    def gradients() -> dict[str, Any]:
        return {"W": regularizer.backward(regularizer.forward(W)[1])}

    return Problem({"W": W}, lambda: float(regularizer.forward(W)[0]), gradients)


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
        x += 0.1 * _normal(x.shape, rng, x.dtype.kind)
    x = rng.integers(0, n_in, (4, 3))
    mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    batch = SimpleNamespace(y=rng.integers(0, 4, (3, 3)), mask=mask)

    def gradients() -> dict[str, Any]:
        y, _, tape = model.forward(x, read=3)
        return model.backward(loss.backward(loss.forward(y, batch)[1]), tape)

    def value() -> float:
        y, _, tape = model.forward(x, read=3)
        return float(loss.forward(y, batch)[0] + model.penalty(tape))

    return Problem(model.params, value, gradients)


def _fitting(part: Any, n: int, number: str) -> int:
    """n, or n + 1 where only that many units will do, as for a part that works in pairs."""
    try:
        part.check(n, {"f": float, "c": complex}[number])
    except UsageError:
        return n + 1
    return n


def _normal(shape: tuple[int, ...], rng: np.random.Generator, number: str) -> np.ndarray:
    """Normal entries of variance 1, real or complex."""
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape)) / np.sqrt(2) if number == "c" else x


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    """⟨a, b⟩ = Re Σ a* b."""
    return float(np.sum((np.conj(a) * b).real))


def _params(part: Any) -> dict[str, np.ndarray]:
    return {join(path, name): x for path, owner in walk("", part) for name, x in owner.params.items()}
