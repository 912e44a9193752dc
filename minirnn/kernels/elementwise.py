"""A cell whose step is a product and one kernel, in each direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.cells import GRU, Cell
from minirnn.gates import whole
from minirnn.kernels.device import contiguous, pack
from minirnn.kernels.programs import Program, own_numbers
from minirnn.products import join, split

Array = Any
THREADS = 256


class Elementwise:
    """Stands in for `cell` in the time loop: the same states, caches and gradients, in fewer launches.

    What a step keeps lies in the memory of a: a cache's first array starts where a did. The cell takes it for its own.
    """

    kernel = "step"     # what stands in is not replaced again

    def __init__(self, cell: Cell, program: Program, device: Any):
        self.cell, self.program, self.device = cell, program, device
        self.gates, self.states, self.params, self.children = cell.gates, cell.states, cell.params, cell.children
        self.matrix_gradients, self.vector_gradients = cell.matrix_gradients, cell.vector_gradients

        self.shape = cell.shape

    def prepare(self, w: Any) -> None:
        self.cell.prepare(w)
        w.stacked = stacked(self.cell, w)
        w.v, w.gain = own_numbers(self.cell, w.stacked.shape[1], w.stacked)

    def step(
        self, a: Array, state: tuple[Array, ...], w: Any, out: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], Any]:
        (h_prev, c_prev), (h, c) = ((*x, None)[:2] for x in (state, out))
        P, a = h_prev @ w.stacked.T, contiguous(join(a, len(self.gates)))
        extra = np.empty_like(h_prev) if keeps_extra(self.cell) else None
        self._launch("forward", h, P, a, h_prev, c_prev, h, c, extra, w.v, w.gain)
        return out, cache_of(split(a, len(self.gates)), extra)

    def step_backward(
        self, dstate: Any, before: Any, after: Any, cache: Any, w: Any, out: Array
    ) -> tuple[Array, tuple[Array, ...]]:
        (dh, dc), (h_prev, c_prev), (h, _) = ((*x, None)[:2] for x in (dstate, before, after))
        kept, extra = (cache[0], cache[-1]) if isinstance(cache, tuple) else (cache, None)
        passes_by = isinstance(self.cell, GRU)
        kept, da = (join(x, len(self.gates)) for x in (kept, out))
        dP, by = (np.empty_like(da), np.empty_like(h)) if passes_by else (None, None)
        dc_prev = None if dc is None else np.empty_like(h)
        dh = contiguous(dh)
        self._launch("backward", h, kept, h_prev, c_prev, h, extra, w.v, w.gain, dh, dc, da, dP, by, dc_prev)
        dh_prev = by + dP @ w.stacked if passes_by else da @ w.stacked
        apart = len(self.gates) > 1 and out.flags.c_contiguous      # then da is a copy of out, else another view of it
        found = split(da, len(self.gates)) if apart else out
        return found, ((dh_prev,) if dc_prev is None else (dh_prev, dc_prev))

    def _launch(self, name: str, h: Array, *arguments: Any) -> None:
        kernel = self.device.kernel(self.program, "elementwise", h.dtype, 1, name)
        kernel(-(-h.size // THREADS), THREADS, 0, pack(h.size, h.shape[1], *arguments))


def stacked(cell: Cell, w: Any) -> Array:
    """All that multiplies h, (G n, n): W, and for the GRU W_h below it, since one product serves all gates."""
    return np.concatenate([whole(w.W), whole(w.W_h)]) if isinstance(cell, GRU) else whole(w.W)


def keeps_extra(cell: Cell) -> bool:
    """Whether a step keeps a number per unit besides one per gate: tanh c of the LSTMs, k of the GRU."""
    return len(cell.gates) > 1


def cache_of(a: Array, extra: Array | None) -> Any:
    """What the cell's own step would have returned as its cache: z; or the gates, and with them tanh c or k."""
    return a if extra is None else (a, extra)
