"""Read-out and loss together, a few sequences at a time: the scores of a large vocabulary never exist all at once.

With T steps, B sequences and 10,000 classes the scores y have 10,000 T B entries, and so has their gradient: 458 MiB
at T = 150, B = 80. But every sequence is read out and scored by itself, and only sums are kept. So the same lines run
on pieces of the batch, one after the other, with the count of the whole:

    L = Σ_p L_p / N,   ∂L/∂y_p = ∂L_p/∂y_p / N,   W̄ = Σ_p W̄_p,   b̄ = Σ_p b̄_p,   H̄ = [H̄_1 H̄_2 ...]

Pieces are cut along the batch, not along time, because a metric may ask for the last steps. A batch with few scores is
one piece: then nothing is cut or added up. A process that trains the benchmark's language model (W5) with T = 150 takes
315 MiB at its peak, and 686 with all in one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minirnn.losses import at_least_one
from minirnn.unroll import SEGMENT, accumulate

Array = Any

PIECE = 14_000_000    # scores at a time: 1,400 rows of 10,000, enough for fast products


def train(
    readout: Any, loss: Any, H: Array, batch: Any, N: Array | None = None
) -> tuple[Array, Array, Array, dict[str, Array]]:
    """(sum of the loss, its count or 1, ∂L/∂H, gradients of the read-out), L = sum / N.

    readout   a layer, with one bias b per score
    H         (K, B, n), what it reads
    N         the count of the batch, if H and batch are a piece of it

    Where a step has few scores, ∂L/∂H is a `ReadoutAdjoint`: the gradients are complete once all of it has been read.
    """
    count = at_least_one(loss.count(batch, readout.params["b"]))
    total: Array = 0
    dH: Any = None
    grads: dict[str, Array] = {}
    affine = readout.affine()
    for columns, piece in _pieces(readout, H, batch):
        part, adjoint = _scored(readout, affine, loss, H, columns, piece, count if N is None else N)
        if columns is None and _by_segments(readout, H):
            return part, count, adjoint, adjoint.grads
        dX, found = adjoint[:], adjoint.grads
        if columns is None:
            return part, count, dX, found
        del adjoint                                                 # and ∂L/∂y with it, before the next scores are made
        dH = np.empty_like(H) if dH is None else dH
        dH[:, columns] = dX.reshape(len(H), -1, dX.shape[-1])
        total = total + part
        for name, d in found.items():                               # new arrays, which nobody else holds
            grads[name] = np.add(grads[name], d, out=grads[name]) if name in grads else d
    return total, count, dH, grads


def evaluate(readout: Any, loss: Any, H: Array, batch: Any, metrics: dict[str, Any]) -> dict[str, tuple[Array, Array]]:
    """{"loss" and each metric: (sum, count)}, without gradients."""
    sums: dict[str, tuple[Array, Array]] = {}
    affine = readout.affine()
    for columns, piece in _pieces(readout, H, batch):
        y, _ = _read(readout, affine, H, columns)
        found = {name: metric(y, piece) for name, metric in metrics.items()}
        found = {"loss": loss.total(y, piece, spent=True)[:2]} | found
        sums = {name: (sums[name][0] + a, sums[name][1] + n) if sums else (a, n) for name, (a, n) in found.items()}
    return sums


def _pieces(readout: Any, H: Array, batch: Any) -> Iterator[tuple[slice | None, Any]]:
    """(columns, those sequences of the batch) of each piece; (None, batch) where one piece is all."""
    K, B = H.shape[:2]
    width = max(1, PIECE // max(1, K * readout.params["b"].size))
    if width >= B:
        yield None, batch
        return
    for start in range(0, B, width):
        columns = slice(start, start + width)
        yield columns, batch.map(lambda x, columns=columns: x[:, columns])


def _by_segments(readout: Any, H: Array) -> bool:
    """Whether adding up W̄ for each segment costs less than H̄ as a whole: W̄ has fewer rows than a segment."""
    return readout.params["b"].size <= SEGMENT * H.shape[1]


class ReadoutAdjoint:
    """∂L/∂H (K, B, n), made when the loop over time asks for a segment of it: then it is in the cache when it is read.

    It never exists as a whole, as large as all hidden states. What a segment adds to the read-out's gradients is in
    `grads` from then on, so each step may be asked for once.
    """

    def __init__(self, readout: Any, affine: Any, dy: Array, cache: Array):
        self.readout, self.affine, self.dy, self.cache = readout, affine, dy, cache
        self.grads: dict[str, Array] = {}

    def __len__(self) -> int:
        return len(self.dy)

    def __getitem__(self, steps: slice) -> Array:
        dH, found = self.readout.backward(self.dy[steps], self.cache[steps], self.affine)
        accumulate(self.grads, found)
        return dH


def _scored(
    readout: Any, affine: Any, loss: Any, H: Array, columns: slice | None, piece: Any, N: Array
) -> tuple[Array, ReadoutAdjoint]:
    """(sum of the loss, ∂L/∂H) of some sequences."""
    y, cache = _read(readout, affine, H, columns)
    total, _, loss_cache = loss.total(y, piece, spent=True, N=N)    # ∂L/∂y may take the place of y
    del y
    dy = loss.backward(loss_cache)
    return total, ReadoutAdjoint(readout, affine, dy if columns is None else dy.reshape(-1, dy.shape[-1]), cache)


def _read(readout: Any, affine: Any, H: Array, columns: slice | None) -> tuple[Array, Any]:
    """The scores (K, columns, classes) of some sequences."""
    if columns is None:
        return readout.forward(H, affine)
    H = H[:, columns]
    y, cache = readout.forward(H.reshape(-1, H.shape[-1]), affine)
    return y.reshape(*H.shape[:2], -1), cache
