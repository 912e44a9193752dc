"""Units that pass no gradient, for any example at any time, and how many pass little."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from minirnn.backend import to_host
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError

Array = Any


class DeadUnits(Diagnostic):
    """Which units are dead: ∂Σh_t/∂a_t is 0 in all their gates, for every t and example.  [maas2013, sec. 2]

    For an Elman network ∂h_t/∂a_t is f'(z_t): a ReLU unit is dead if it is never on, and then none of its weights
    changes any more. A tanh unit is never dead but may be saturated, 1 − h² close to 0. For the gated cells, what a
    gradient of ones on the state would leave at the gates: the product of the slopes on the way.

    dead        the share of units that are dead; "units" has their numbers, from 0
    saturated   the share of (unit, gate, t, example) whose slope is at most `least`; the dead ones are among them
    examples    of the batch, the first ones; a unit may wake up for others
    Cost: one forward pass and one step back from each t; in the precision of the model.
    raises      UsageError if examples is not positive or least is negative
    """

    summary = "units that pass no gradient for any example at any time, and the share that is saturated"
    watchable = True

    def __init__(self, examples: int = 32, least: float = 0.01):
        if examples < 1:
            raise UsageError(f"dead-units needs at least one example (got {examples})")
        if not least >= 0:
            raise UsageError(f"dead-units: a slope counts as saturated up to `least` >= 0 (got {least}); 0.01 is usual")
        self.examples, self.least = examples, least

    def measure(self, subject: Subject) -> dict[str, Any]:
        layer, X = subject.layer, subject.X[:, : self.examples]
        _, _, (_, made, tape, _) = layer.forward(X)
        w = made.w
        layer.cell.prepare(w)
        n, G = layer.hidden_size, len(layer.cell.gates)
        alive: Array = 0                                            # the largest slope of each gate of each unit
        flat: Array = 0
        for t, cache in enumerate(tape.caches):
            before, after = tuple(S[t] for S in tape.states), tuple(S[t + 1] for S in tape.states)
            slope = _slope(layer.cell, before, after, cache, w)     # (G, B, n), for one gate (B, n)
            alive = np.maximum(alive, np.max(slope, axis=-2))
            flat = flat + np.mean(slope <= self.least, dtype=slope.dtype)
        dead = to_host(alive).reshape(G, n).max(axis=0) == 0
        return {
            "dead": dead.mean().item(),
            "units": np.flatnonzero(dead).tolist(),
            "saturated": to_host(flat).item() / len(tape.caches),
        }


def _slope(cell: Any, before: Any, after: Any, cache: Any, w: SimpleNamespace) -> Array:
    """|∂Σ(states)/∂a| of one step; for complex numbers the larger of those by a real and by an imaginary step."""
    ones = tuple(np.ones_like(s) for s in after)
    room = np.empty_like(ones[0], shape=cell.shape(*ones[0].shape))
    slope = np.abs(cell.step_backward(ones, before, after, cache, w, room)[0])
    if after[0].dtype.kind != "c":
        return slope
    turned = np.abs(cell.step_backward(tuple(1j * s for s in ones), before, after, cache, w, room)[0])
    return np.maximum(slope, turned)
