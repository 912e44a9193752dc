"""‖∂h_T/∂h_t‖: how much of the last state still depends on an early one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minirnn import unroll
from minirnn.layers import Recurrent

Array = Any


def jacobian_norms(layer: Recurrent, X: Array) -> Array:
    """‖∂h_T/∂h_t‖_F, exactly, for t = 0 .. T and each example.  [chu, Table 6; math: bptt.md]

    X (T, B, m), the layer's input. Returns (T + 1, B); the last row is ‖I‖_F = √n, or √(2n) for complex states, whose
    real and imaginary parts count as 2n real numbers. For a cell with two states the
    derivative is of h with respect to h, along all paths.

    Each example is repeated n times and the n unit vectors are sent back through the cell's own `step_backward`: row
    j of the result is the gradient of entry j of h_T.  Cost: n backward passes per example, O(T n³).
    """
    T, B, _ = X.shape
    n = layer.hidden_size
    U, w = layer.U.matrix()[0], SimpleNamespace(**{name: p.matrix()[0] for name, p in layer.matrices.items()})
    norms = np.empty((T + 1, B), dtype=X.dtype, like=X)
    for k in range(B):
        a = layer.project(X[:, k : k + 1], U)
        unit = np.identity(n, dtype=a.dtype, like=a)
        units = np.concatenate([unit, 1j * unit]) if a.dtype.kind == "c" else unit
        A = np.repeat(a, len(units), axis=1)                        # (T, n, G n), or 2n
        tape = unroll.forward(layer.cell, A, layer.initial_state(len(units), A), w)
        dstate = (units, *(np.zeros_like(S[0]) for S in tape.states[1:]))
        norms[T, k] = np.linalg.norm(dstate[0])
        for t in reversed(range(T)):
            before, after = tuple(S[t] for S in tape.states), tuple(S[t + 1] for S in tape.states)
            _, dstate = layer.cell.step_backward(dstate, before, after, tape.caches[t], w)
            norms[t, k] = np.linalg.norm(dstate[0])
    return norms
