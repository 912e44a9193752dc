"""A state now and then is kept; what lies between is computed again when the backward pass comes there."""

from __future__ import annotations

import math

from minirnn.bptt import pieces
from minirnn.bptt.base import Memory
from minirnn.unroll import SEGMENT


class Checkpoint(Memory):
    """The states at the start of each piece of about √T steps are kept, and nothing else.  [chen2016, sec. 4]

    Backward, the last piece first: its states are computed again from its start, forward, and then undone. With
    pieces of k steps, T/k states are kept and k states and caches exist at a time; their sum is least at k = √T.
    The pieces go through the whole model, from the encoder to the loss: no array of T B n numbers exists.

    Memory: about 2 √T B n numbers for each state, gate and cache.   Cost: one more pass forward, without the read-out.
    Gradients are those of Store to rounding: the states are the same, sums over time are cut at other places.
    """

    summary = "keep every √T-th state and compute the others again: memory grows with √T, a third more time"

    def gradients(self, model, loss, batch, state, rng):
        return pieces.gradients(model, loss, batch, state, rng, piece_length(len(batch.x)), self._first, self._again)

    def evaluate(self, model, loss, batch, state, metrics):
        return pieces.evaluate(model, loss, batch, state, metrics, piece_length(len(batch.x)))

    def _first(self, layer, X, state, made, number):
        H, last, _ = layer.forward(X, state, False, made)
        return H, last, state

    def _again(self, layer, X, kept, last, made):
        H, _, tape = layer.forward(X, kept, True, made)
        return H, None, tape


def piece_length(T: int) -> int:
    """√T, rounded up to whole segments of the loop."""
    return SEGMENT * math.ceil(math.sqrt(T) / SEGMENT)
