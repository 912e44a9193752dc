"""Nothing but a few bits per step is kept: the network runs backwards from its last state."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minirnn.bptt import pieces
from minirnn.bptt.base import Memory
from minirnn.errors import UsageError

Array = Any
LENGTH = 64       # steps per piece
ANCHOR = 16       # pieces between states that are kept, at which the rounding errors start anew


class Kept(NamedTuple):
    """What one layer keeps of one piece."""

    bits: Array | None                  # eight to a byte; None: the steps lose nothing
    shape: tuple[int, ...]              # of the bits, unpacked
    anchor: tuple[Array, ...] | None    # the state after the piece, now and then


class Reversible(Memory):
    """h_{t-1} = Wᴴ (f⁻¹(h_t, s_t) − a_t), by which the states are found again from the last one.  [mackay2018, sec. 3]

    Only for an Elman cell with orthogonal (unitary) W, whose inverse is Wᴴ, and with an f that loses no more than the
    bits s_t: identity (none), oplu (n/2 swaps), abs (n signs). What rounding adds to h_t keeps its length on the way
    back, because Wᴴ and f⁻¹ keep lengths; so errors add up over the steps and do not grow by themselves. Every
    1,024 steps a state is kept, and they start anew.

    Memory: 64 steps of B n numbers for each state, gate and cache; for all steps T B n/8 bytes (abs), half of it
    (oplu), none (identity).   Cost: one more pass forward, without the read-out.
    raises   UsageError, from `check`, for a layer that is not reversible
    """

    summary = "run the network backwards: orthogonal W with identity, oplu or abs; memory of a few bits per step"

    def check(self, model):
        for k, layer in enumerate(model.layers):
            parts = [type(layer.cell), *map(type, layer.cell.children.values()), *map(type, layer.matrices.values())]
            if not (layer.cell.reversible and all(p.orthogonal for p in layer.matrices.values())):
                raise UsageError(
                    "the memory reversible needs elman cells with identity, abs or oplu and an orthogonal or unitary "
                    f"matrix (got {', '.join(part.__name__ for part in parts)} in layer {k}); use checkpoint"
                )

    def gradients(self, model, loss, batch, state, rng):
        return pieces.gradients(model, loss, batch, state, rng, LENGTH, self._first, self._again)

    def evaluate(self, model, loss, batch, state, metrics):
        return pieces.evaluate(model, loss, batch, state, metrics, LENGTH)

    def _first(self, layer, X, state, made, number):
        H, last, (*_, tape, _) = layer.forward(X, state, True, made)
        bits = layer.cell.lost(tape.caches)
        anchor = tuple(s.copy() for s in last) if number % ANCHOR == ANCHOR - 1 else None
        if bits is None:
            return H, last, Kept(None, (), anchor)
        return H, last, Kept(np.packbits(bits.reshape(-1)), bits.shape, anchor)

    def _again(self, layer, X, kept, last, made):
        lost = None
        if kept.bits is not None:
            count = int(np.prod(kept.shape))
            lost = np.unpackbits(kept.bits)[:count].reshape(kept.shape).astype(bool)
        return layer.reverse(X, last if kept.anchor is None else kept.anchor, lost, made)
