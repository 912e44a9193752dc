"""Read-out and loss together, a few sequences at a time: the scores of a large vocabulary never exist all at once.

With T steps, B sequences and 10,000 classes the scores y have 10,000 T B entries, and the loss makes several arrays of
that size: 1.9 GiB at T = 150, B = 80. But every sequence is read out and scored by itself, and only sums are kept. So
the same lines run on pieces of the batch, one after the other, with the count of the whole:

    L = Σ_p L_p / N,   ∂L/∂y_p = (N_p / N) ∂(L_p / N_p)/∂y_p,   W̄ = Σ_p W̄_p,   b̄ = Σ_p b̄_p,   H̄ = [H̄_1 H̄_2 ...]

Pieces are cut along the batch, not along time, because a metric may ask for the last steps. A batch with few scores is
one piece: then nothing is cut or added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = Any

PIECE = 5_600_000    # scores at a time: 560 rows of 10,000, enough for fast products


def train(readout: Any, loss: Any, H: Array, batch: Any) -> tuple[Array, Array, Array, dict[str, Array]]:
    """(sum of the loss, its count, ∂L/∂H, gradients of the read-out), L = sum / count.

    readout   a layer, with one bias b per score
    H         (K, B, n), what it reads
    """
    total: Array = 0
    N: Array = 0
    dH: Any = None
    grads: dict[str, Array] = {}
    for columns, piece in _pieces(readout, H, batch):
        if columns is None:
            y, cache = readout.forward(H)
            total, count, loss_cache = loss.total(y, piece)
            return total, count, *readout.backward(loss.backward(loss_cache), cache)
        y, cache = _read(readout, H[:, columns])
        part, count, loss_cache = loss.total(y, piece)
        dy = loss.backward(loss_cache)
        dX, found = readout.backward(dy.reshape(-1, dy.shape[-1]), cache)
        dH = np.empty_like(H) if dH is None else dH
        dH[:, columns] = (dX * count).reshape(len(H), -1, dX.shape[-1])     # of the sum; the division by N follows
        for name, d in found.items():
            grads[name] = grads[name] + d * count if name in grads else d * count
        total, N = total + part, N + count * _asked(piece, y)
    N = N if batch.mask is None else np.maximum(N, 1)
    return total, N, dH / N, {name: d / N for name, d in grads.items()}


def evaluate(readout: Any, loss: Any, H: Array, batch: Any, metrics: dict[str, Any]) -> dict[str, tuple[Array, Array]]:
    """{"loss" and each metric: (sum, count)}, without gradients."""
    sums: dict[str, tuple[Array, Array]] = {}
    for columns, piece in _pieces(readout, H, batch):
        y = readout.forward(H)[0] if columns is None else _read(readout, H[:, columns])[0]
        total, count, _ = loss.total(y, piece)
        found = {"loss": (total, count * _asked(piece, y))}
        found |= {name: metric(y, piece) for name, metric in metrics.items()}
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


def _read(readout: Any, H: Array) -> tuple[Array, Any]:
    """The scores (K, columns, classes) of some sequences, as one product: over three axes NumPy makes one per step."""
    y, cache = readout.forward(H.reshape(-1, H.shape[-1]))
    return y.reshape(*H.shape[:2], -1), cache


def _asked(piece: Any, y: Array) -> Array:
    """1, or 0 where every position of the piece is masked: a loss then says a count of 1, to divide 0 by."""
    return 1 if piece.mask is None else np.minimum(np.sum(piece.mask.astype(y.real.dtype)), 1)
