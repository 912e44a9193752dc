"""The one loop over time, forward and backward, for every cell.

Full backpropagation through time runs `forward` over the whole sequence and `backward` over all of it. Truncated
backpropagation calls the pair on consecutive pieces of the sequence and hands the last state of one piece to the next
as a value: its gradient stops there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from minirnn import backend, kernels, memory
from minirnn.cells.base import Cell, State
from minirnn.products import split

Array = Any


SEGMENT = 16    # steps per segment: long enough for one product per weight, short enough for the cache


class Tape(NamedTuple):
    """What the backward loop needs: all states with the initial one first, and each step's cache."""

    states: tuple[Array, ...]    # each (T + 1, B, n)
    caches: Any                  # T entries, a list or what a kernel kept; empty when nothing was kept


def forward(cell: Cell, A: Array, state: State, w: SimpleNamespace, keep: bool = True) -> Tape:
    """Run the cell over A (T, G, B, n), for one gate (T, B, n), from `state`, a tuple of (B, n). It may overwrite A.

    A is an array, or what makes A[steps] when it is asked for a segment: that is then still in the cache.
    keep=False drops the caches, for evaluation. The hidden states are `tape.states[0][1:]`, the last state is
    `tuple(S[-1] for S in tape.states)`.
    """
    T = len(A)
    walk = kernels.sequence(cell, state[0], T, w)                   # on a CUDA device; None for arrays on the host
    if walk is not None:
        return Tape(*walk.forward(A[:T], state, w, keep))
    cell = kernels.elementwise(cell, state[0], w)
    cell.prepare(w)
    states, rows = _empty(T, state)
    _store(rows[0], state)
    caches = []
    for steps in segments(T):
        part = A[steps]
        for t in range(T)[steps]:
            state, cache = cell.step(part[t - steps.start], rows[t], w, rows[t + 1])
            _store(rows[t + 1], state)
            if keep:
                caches.append(cache)
        del part                                                    # the next takes its place, which is in the cache
    return Tape(states, caches)


def reverse(cell: Cell, A: Array, state: State, lost: Array | None, w: SimpleNamespace) -> Tape:
    """The tape that `forward` would make over A, from the state it ends in instead of the one it starts in.

    lost (T, B, ...) are the bits that the steps forget, as `cell.lost` tells them. Only for a cell that is reversible,
    with orthogonal (unitary) matrices.
    """
    cell.prepare(w)
    T = len(A)
    states, rows = _empty(T, state)
    _store(rows[T], state)
    caches: list = [None] * T
    for steps in reversed(segments(T)):
        part = A[steps]
        for t in reversed(range(T)[steps]):
            bits = None if lost is None else lost[t]
            state, caches[t] = cell.step_reverse(part[t - steps.start], rows[t + 1], bits, w)
            _store(rows[t], state)
    return Tape(states, caches)


def backward(
    cell: Cell, dH: Array, tape: Tape, w: SimpleNamespace, take: Callable[[slice, Array], None],
    dstate: State | None = None,
) -> tuple[State, dict[str, Array], dict[str, Array]]:
    """Undo `forward`, for t = T .. 1, in segments of a few steps.

    dH (K, B, n) is ∂L/∂h_t, as the layers above see it, at the last K steps; earlier steps receive nothing from above.
    An array, or what makes dH[steps] when it is asked for the part of a segment, the last first.
    take(steps, dA) is called for each segment, the last first, with ∂L/∂A[steps]; the next segment overwrites dA, which
    therefore stays in the processor's cache while weight gradients are formed from it.
    dstate is ∂L/∂(last state) through what came after this tape, None for nothing; it is overwritten.
    Returns ∂L/∂(initial state), {matrix: gradient}, {vector parameter: gradient}.
    """
    if isinstance(tape.caches, kernels.Caches):
        return tape.caches.walk.backward(dH[:], tape, w, take, dstate)
    states, caches = tape
    cell = kernels.elementwise(cell, states[0], w)
    cell.prepare(w)
    T, first_read = len(caches), len(caches) - len(dH)
    B, n = states[0].shape[1:]
    gates = len(cell.gates)
    buffer = split(memory.empty((min(SEGMENT, T), B, gates * n), states[0]), gates)     # side by side, for the sums
    room = memory.empty(cell.shape(B, n), states[0]) if gates > 1 and not backend.is_device(buffer) else None
    dstate = tuple(np.zeros_like(S[0]) for S in states) if dstate is None else dstate
    matrices: dict[str, Array] = {}
    vectors: dict[str, Array] = {}
    has_vectors = bool(cell.params) or any(child.params for child in cell.children.values())
    for steps in reversed(segments(T)):
        start, stop = steps.start, steps.stop
        dA = buffer[: stop - start]
        part = tuple(S[start : stop + 1] for S in states)
        rows = _rows(part)
        above = dH[max(start - first_read, 0) : stop - first_read] if stop > first_read else ()
        for t in reversed(range(start, stop)):
            if t >= first_read:                                     # h_t is read above and by step t + 1: add both
                np.add(dstate[0], above[t - stop], out=dstate[0])
            complete, before, after = dstate, rows[t - start], rows[t - start + 1]
            place = dA[t - start]
            da, dstate = cell.step_backward(complete, before, after, caches[t], w, place if room is None else room)
            if da is not place:                                     # a step may have put it there
                place[...] = da
            if has_vectors:
                accumulate(vectors, cell.vector_gradients(complete, before, after, caches[t], da))
        del above                                                   # likewise
        take(steps, dA)
        accumulate(matrices, cell.matrix_gradients(dA, part, caches[start:stop], w))
        dstate = tuple(_flush(d) for d in dstate)
    return dstate, matrices, vectors


def adjoints(
    cell: Cell, dstate: State, tape: Tape, w: SimpleNamespace, dH: Sequence[Array] = ()
) -> Iterator[tuple[int, State]]:
    """(t, ∂L/∂state_t), complete, for t = T .. 0: what `backward` passes through, for who asks about every step.

    dstate is ∂L/∂(last state) without what dH (K, B, n) adds at the last K steps. The rows of dstate may be R gradients
    of one sequence, (R, n), where the tape has that one alone: its rows are then read by each of them. Unlike in
    `backward`, a gradient that has vanished altogether is exact zeros from the next step on, not the next segment.
    """
    cell.prepare(w)
    states, caches = tape
    T = len(caches)
    room = np.empty_like(dstate[0], shape=cell.shape(*dstate[0].shape))
    for t in range(T, 0, -1):
        if t > T - len(dH):
            dstate = (dstate[0] + dH[t - 1 - T + len(dH)], *dstate[1:])
        yield t, dstate
        before, after = tuple(S[t - 1] for S in states), tuple(S[t] for S in states)
        _, dstate = cell.step_backward(dstate, before, after, caches[t - 1], w, room)
        dstate = tuple(_flush(d) for d in dstate)
    yield 0, dstate


def segments(T: int) -> list[slice]:
    """0 .. T in segments of SEGMENT steps; where T is no multiple of it, the first is shorter."""
    return [slice(max(stop - SEGMENT, 0), stop) for stop in range(T, 0, -SEGMENT)][::-1]


def _empty(T: int, state: State) -> tuple[tuple[Array, ...], list[State]]:
    """Room for T + 1 states: as one array for each part, and as their rows."""
    states = tuple(memory.empty((T + 1, *s.shape), s) for s in state)
    return states, _rows(states)


def _rows(states: tuple[Array, ...]) -> list[State]:
    """The states, each (T + 1, B, n), as T + 1 tuples of views into these."""
    return list(zip(*([S[t] for t in range(len(S))] for S in states), strict=True))


def _store(row: State, state: State) -> None:
    for r, s in zip(row, state, strict=True):
        if s is not r:                                              # a step may have put it there
            r[...] = s


def accumulate(total: dict[str, Array], found: dict[str, Array]) -> None:
    """total[name] += found[name], in `total`."""
    for name, d in found.items():
        if name in total:
            total[name] += d
        else:
            total[name] = d


def _flush(d: Array) -> Array:
    """d, or exact zeros once all of d has vanished to within 1e8 of the smallest normal number.

    A gradient that vanishes turns into denormal numbers, which the processor multiplies a hundred times slower; this
    costs a look at one number per segment, a pass if that has vanished, and makes the rest of the sequence exact zeros.
    A NaN stays a NaN.
    """
    least = 1e8 * np.finfo(d.dtype).tiny
    if not backend.is_device(d) and abs(d.item(0)) > least:
        return d
    return d * (np.max(np.abs(d)) > least)
