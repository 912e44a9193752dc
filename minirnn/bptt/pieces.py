"""A batch in pieces of time: forward over all of them, keeping little; backward over each, with its tape made again.

The loss of a piece is a part of the loss of the batch, and both are divided by the N positions that count:

    L = Σ_p L_p / N,   W̄ = Σ_p W̄_p,   and ∂L/∂(last state of p) = ∂L/∂(first state of p + 1)

Read-out and loss wait until the backward pass comes to their piece, so neither all scores nor all hidden states exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np

from minirnn import backend, scoring
from minirnn.bptt.base import Step, copied
from minirnn.layers import Embedding
from minirnn.losses import at_least_one
from minirnn.model import Model
from minirnn.rows import Rows
from minirnn.unroll import accumulate

Array = Any


def gradients(
    model: Model, loss: Any, batch: Any, state: Any, rng: Any, length: int, first: Callable, again: Callable
) -> Step:
    """`Memory.gradients`, in pieces of `length` steps.

    first(layer, X, state, made, number) -> (H, last state, kept), the way forward over piece `number`
    again(layer, X, kept, last state, made) -> (H, first state, tape), the same once more, on the way back
    """
    layers, carried = model.layers, state is not None
    made = [layer.prepare(batch.x.shape[1]) for layer in layers]
    pieces = list(batch.chunks(length))
    masks = _dropout(model, rng, batch, length)

    def onward(number, state):
        return lambda k, X: first(layers[k], X, None if state is None else state[k], made[k], number)

    def once_more(kept, state):
        return lambda k, X: again(layers[k], X, kept[k], state[k], made[k])

    all_kept = []
    for number, piece in enumerate(pieces):
        _, state, (_, kept, _) = model.through(piece.x, onward(number, state), masks(number), read=0)
        state = copied(state)
        all_kept.append([own for _, own in kept])
    encoder: Any = model.encoder
    last, embedded = state, isinstance(encoder, Embedding)
    N = at_least_one(loss.count(batch, model.readout.params["b"]))
    total: Array = 0
    dstates: Any = None
    rows: Rows | None = None
    found: dict[str, Array] = {}
    sums = model.sums()
    for number, piece in reversed(list(enumerate(pieces))):
        H, state, tape = model.through(piece.x, once_more(all_kept.pop(), state), masks(number), read=len(piece.y))
        dH: Array = H                                               # no step is read: an empty array
        d_readout: dict[str, Array] = {}
        if len(piece.y):
            part, _, dH, d_readout = scoring.train(model.readout, loss, H, piece, N)
            total = total + part
        dX, dstates = model.undo(dH, tape, sums, dstates, embedded)
        accumulate(found, d_readout)                                # complete now that dH was read
        if embedded:
            rows = _plus(rows, encoder.backward(dX, tape[0])[1]["E"], encoder.params["E"])
        del H, tape, dH, dX                                         # before the next piece is made
    penalty = sum(value for own in made for value, _ in own.penalties)
    return Step(total, N, model.finish(sums, dstates, made, carried, found, rows), last, penalty)


def evaluate(model: Model, loss: Any, batch: Any, state: Any, metrics: dict[str, Any], length: int) -> Any:
    """`Memory.evaluate`, in pieces of `length` steps: of all of them, only the scores or, if smaller, H is kept."""
    made = [layer.prepare(batch.x.shape[1]) for layer in model.layers]
    early = model.readout.params["b"].size <= model.layers[-1].hidden_size
    found = []

    def onward(state):
        return lambda k, X: model.layers[k].forward(X, None if state is None else state[k], False, made[k])

    for piece in batch.chunks(length):
        H, state, _ = model.through(piece.x, onward(state), [None] * (len(made) + 1), read=len(piece.y))
        state = copied(state)
        if len(piece.y):
            found.append(model.readout.forward(H)[0] if early else H.copy())
    readout = _Said(model.readout) if early else model.readout
    return scoring.evaluate(readout, loss, np.concatenate(found), batch, metrics), state


class _Said:
    """The read-out after it has been asked."""

    def __init__(self, readout: Any):
        self.params = readout.params

    def affine(self) -> None:
        """None was kept."""

    def forward(self, y: Array, affine: None) -> tuple[Array, Any]:
        return y, None


def _dropout(model: Model, rng: Any, batch: Any, length: int) -> Callable[[int], list]:
    """masks(number): for each place of dropout, a generator that draws for that piece what one for all would draw.

    The whole sequence draws place after place, one number per entry. So the generator of a place starts where the
    places before it have drawn all their T B m numbers, and a piece where the pieces before it have drawn theirs.
    `rng` itself then stands where all the draws would have left it.
    """
    (T, B), K = batch.x.shape[:2], len(batch.y)
    widths = [layer.U.matrix()[0].shape[1] for layer in model.layers]
    if rng is None or model.dropout.rate == 0:
        return lambda number: [rng] * (len(widths) + 1)
    places = [(T, B * m) for m in widths] + [(K, B * model.layers[-1].hidden_size)]
    before = deepcopy(rng.bit_generator)
    rng.bit_generator.advance(sum(steps * width for steps, width in places))

    def draw(number: int) -> Iterator[np.random.Generator]:
        drawn = 0
        for steps, width in places:
            ahead = deepcopy(before)
            ahead.advance(drawn + max(number * length - (T - steps), 0) * width)
            yield np.random.Generator(ahead)
            drawn += steps * width

    return lambda number: list(draw(number))


def _plus(a: Rows | None, b: Rows, E: Array) -> Rows:
    """a + b, with repeated rows summed once there are more of them than the table has."""
    if a is None:
        return b
    rows = Rows(np.concatenate([a.ids, b.ids]), np.concatenate([a.values, b.values]))
    return rows.unique() if len(rows.ids) > len(E) and not backend.is_device(E) else rows
