"""Everything is kept: the fastest way, and the reference for the others."""

from minirnn import scoring
from minirnn.bptt.base import Memory, Step


class Store(Memory):
    """All states and all caches of the T steps are kept.

    Memory: T B n numbers for each state, gate and cache of every layer.   Cost: one pass forward, one backward.
    """

    summary = "keep all states: fastest, memory grows with T"

    def gradients(self, model, loss, batch, state, rng):
        H, last, tape = model.hidden(batch.x, state, rng, read=len(batch.y))
        total, count, dH, found = scoring.train(model.readout, loss, H, batch)
        return Step(total, count, model.backward_hidden(dH, found, tape), last, model.penalty(tape))
