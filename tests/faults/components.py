"""Each kind of component, put to work once on drawn arrays: what it returns, and whether it changed its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from minirnn import problems, unroll
from minirnn.errors import UsageError
from minirnn.gates import step_matrices
from minirnn.linalg import outer_sum
from minirnn.model import walk
from minirnn.operators import Operator
from minirnn.rows import Rows

Array = np.ndarray
Layout = Callable[[Array], Array]
PROBED = ("cells", "activations", "parametrizations", "layers", "regularizers", "losses")
STEP = 1e-6


def outcome(
    kind: str, component: Any, n: int, steps: int, batch: int, seed: int, dtype: Any, layout: Layout
) -> tuple[dict[str, Array], list[str]]:
    """({what: array} of everything it returns forward and backward, the arguments that it changed)."""
    rng, found, given = np.random.default_rng(seed), {}, {}
    try:
        cases = list(component.examples(n, rng))
    except UsageError:                                              # not of this size
        return {}, []

    def lay(label: str, x: Array) -> Array:
        """x in the wanted type and place, and a copy to compare with afterwards."""
        real = np.dtype(dtype)
        x = layout(x.astype({"f": real, "c": np.result_type(real, np.complex64)}.get(x.dtype.kind, x.dtype)))
        given[label] = x, x.copy()
        return x

    for label, example in cases:
        for number in getattr(example, "kinds", "f"):
            work = {"cells": _cell, "activations": _activation, "parametrizations": _parametrization,
                    "layers": _layer, "regularizers": _regularizer, "losses": _loss}[kind]
            arguments = SimpleNamespace(n=_fitting(example, n, number), T=steps, B=batch, rng=rng, number=number)
            part = example[0] if isinstance(example, tuple) else example
            _lay_out(part, lambda name, x, label=label: lay(f"{label} {name}", x))
            for name, x in work(example, arguments, lambda name, x, label=label: lay(f"{label} {name}", x)).items():
                found[f"{label} {number} {name}"] = np.array(x)
    changed = [label for label, (x, before) in given.items() if not np.array_equal(x, before, equal_nan=True)]
    return found, changed


def gradient_holds(kind: str, component: Any, n: int, steps: int, seed: int) -> None:
    """⟨ḡ, v⟩ is the slope of the function along a random direction v, for every example of the component."""
    rng = np.random.default_rng(seed)
    try:
        for label, problem in problems.of(kind, component, n, rng, steps):
            direction = {name: problems._normal(x.shape, rng, x.dtype.kind) for name, x in problem.arrays.items()
                         if x.dtype.kind in "fc"}
            grads = {name: g.dense(problem.arrays[name]) if isinstance(g, Rows) else g
                     for name, g in problem.gradients().items()}
            assert {name: g.shape for name, g in grads.items()} == {k: x.shape for k, x in problem.arrays.items()}
            claimed = sum(problems._inner(grads[name], v) for name, v in direction.items())
            slopes = [_slope(problem, direction, h) for h in (STEP, STEP / 8, STEP / 64)]      # a kink may lie between
            size = max(1.0, sum(np.abs(g).max(initial=0) for g in grads.values()))
            assert min(abs(s - claimed) for s in slopes) <= 1e-5 * size, label
    except UsageError:                                              # not of this size: refused in a sentence
        return


def _slope(problem: Any, direction: dict[str, Array], h: float) -> float:
    values = []
    for s in (h, -h):
        kept = {name: problem.arrays[name].copy() for name in direction}
        for name, v in direction.items():
            problem.arrays[name] += s * v
        values.append(problem.value())
        for name, x in kept.items():
            problem.arrays[name][...] = x
    return (values[0] - values[1]) / (2 * h)


def _lay_out(part: Any, lay: Callable[[str, Array], Array]) -> None:
    for path, owner in walk("", part):
        for arrays in (getattr(owner, "params", {}), getattr(owner, "buffers", {})):
            for name, x in arrays.items():
                arrays[name] = lay(f"{path} {name}", x)


def _fitting(part: Any, n: int, number: str) -> int:
    return problems._fitting(part, n, number) if hasattr(part, "check") else n


def _normal(shape: tuple[int, ...], at: SimpleNamespace) -> Array:
    return problems._normal(shape, at.rng, at.number)


def _cell(cell, at, lay):
    n = at.n
    shapes = {name: (rows * n, columns * n) for name, (rows, columns) in cell.matrices.items()}
    matrices = {name: lay(name, _normal(shape, at) / np.sqrt(shape[1])) for name, shape in shapes.items()}
    w = step_matrices(cell, matrices, at.B)
    state = tuple(lay(f"state {k}", _normal((at.B, n), at)) for k in range(cell.states))
    A = np.array(lay("A", _normal((at.T, *cell.shape(at.B, n)), at)))    # its own to overwrite
    tape = unroll.forward(cell, A, state, w)
    dA = np.empty_like(A)
    dstate, dW, found = unroll.backward(cell, lay("dH", _normal((at.T, at.B, n), at)), tape, w, dA.__setitem__)
    named = {f"d state {k}": d for k, d in enumerate(dstate)} | {f"d {k}": d for k, d in {**dW, **found}.items()}
    return {"H": tape.states[0], "dA": dA, **named}


def _activation(f, at, lay):
    z = lay("z", _normal((at.B, at.n), at))
    dh, h = lay("dh", _normal(z.shape, at)), f.forward(z)
    h = lay("h", h)
    return {"h": h, "dz": f.backward(dh, z, h), **f.gradients(dh, z, h)}


def _parametrization(p, at, lay):
    W, cache = p.matrix()
    if isinstance(W, Operator):
        H, dZ = (lay(k, _normal((at.T, at.B, s), at)) for k, s in zip(("H", "dZ"), W.shape[::-1], strict=True))
        return {"Z": H @ W.T, "dH": dZ @ W.conj(), **p.pullback(outer_sum(W, dZ, H), cache)}
    at.number = W.dtype.kind
    return {"W": W, **p.pullback(lay("dW", _normal(W.shape, at)), cache)}


def _layer(example, at, lay):
    layer, X = example
    X = lay("X", X)
    takes_rng = "rng" in inspect.signature(layer.forward).parameters
    found = layer.forward(X, np.random.default_rng(0)) if takes_rng else layer.forward(X)
    at.number = found[0].dtype.kind
    dX, grads = layer.backward(lay("dY", _normal(found[0].shape, at)), found[-1])
    grads = {k: g.dense(layer.params[k]) if isinstance(g, Rows) else g for k, g in grads.items()}
    return {"Y": found[0], **grads} | ({} if dX is None else {"dX": dX})


def _regularizer(example, at, lay):
    regularizer, W = example
    value, cache = regularizer.forward(lay("W", W))
    return {"value": value, "dW": regularizer.backward(cache)}


def _loss(example, at, lay):
    loss, y, batch = example
    batch = SimpleNamespace(y=lay("target", batch.y), mask=None if batch.mask is None else lay("mask", batch.mask))
    value, cache = loss.forward(lay("y", y), batch)
    return {"value": value, "dy": loss.backward(cache)}
