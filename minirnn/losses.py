"""Losses: a sum over the unmasked positions divided by their count, and its gradient.

A corpus is aggregated as Σ sum / Σ count over its batches (`total`), never as a mean of means. What the network says at
a masked position enters neither the loss nor the gradient, not even where it is no finite number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from minirnn import backend

Array = Any


class Loss(ABC):
    """L(y), with y (K, B, n_out) what the read-out says at the last K steps and batch.y what it should say."""

    summary: ClassVar[str]

    @abstractmethod
    def total(self, y: Array, batch: Any) -> tuple[Array, Array, Any]:
        """(sum of the loss over the unmasked positions, their count, cache)."""

    @abstractmethod
    def backward(self, cache: Any) -> Array:
        """∂L/∂y, with the shape of y."""

    def forward(self, y: Array, batch: Any) -> tuple[Array, Any]:
        """(L, cache). L is a 0-d array on the device of y; a batch without any unmasked position has L = 0."""
        total, count, cache = self.total(y, batch)
        return total / count, cache

    @classmethod
    @abstractmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[Loss, Array, Any]]]:
        """Small labelled (loss, y, batch), for the gradient checks."""


class SoftmaxCrossEntropy(Loss):
    """Softmax cross-entropy in nats, L = −(1/N) Σ_k m_k ln p_k[class_k].

        p = e^{y − max y} / Σ e^{y − max y}                        (S1)  the shift changes nothing and cannot overflow
        L = (1/N) Σ_k m_k (ln Σ e^{y − max y} − (y − max y)[class])   (S2)  N = Σ m_k; not ln of a rounded p
        ȳ = (p − onehot(class)) ⊙ m / N                            (S3)

    batch.y (K, B) integer classes, in range also where masked; batch.mask (K, B) or None.
    raises   UsageError if batch.y, on the host, names a class that y has not
    Derivation: docs/derivations/losses.md
    """

    summary = "softmax cross-entropy in nats, with a mask"

    def total(self, y, batch):
        backend.check_ids(batch.y, y.shape[-1], "classes")
        shifted = _shifted(y.reshape(-1, y.shape[-1]))
        rows, classes = np.arange(len(shifted), like=shifted), batch.y.reshape(-1)
        chosen = shifted[rows, classes]
        e = np.exp(shifted, out=shifted)
        Z = e @ np.ones_like(e[:1].T)                               # a product with ones is faster than np.sum
        p = np.divide(e, Z, out=e)                                  # (S1)
        nll = np.log(Z[:, 0]) - chosen                              # (S2)
        error = p                                                   # p − onehot, in the memory of p: all (S3) needs
        error[rows, classes] -= 1
        mask = None if batch.mask is None else batch.mask.reshape(-1).astype(y.dtype)
        count = rows.size if mask is None else np.maximum(np.sum(mask), 1)
        if mask is not None:
            nll, error = _kept(nll, mask), _kept(error, mask[:, None])
        total = np.sum(nll if mask is None else nll * mask)
        return total, count, (error, y.shape, mask, count)

    def backward(self, cache):
        error, shape, mask, count = cache
        weight = 1 / count if mask is None else (mask / count)[:, None]
        dy = error * weight                                         # (S3) undoes (S2), (S1)
        return dy.reshape(shape)

    @classmethod
    def examples(cls, n, rng):
        y = 3 * rng.standard_normal((4, 3, n))
        classes = rng.integers(0, n, (4, 3))
        yield "every position", (cls(), y, SimpleNamespace(y=classes, mask=None))
        mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
        yield "masked", (cls(), y, SimpleNamespace(y=classes, mask=mask))


def _kept(x: Array, mask: Array) -> Array:
    """x, and 0 wherever m = 0, whatever is there: 0 · NaN would be NaN."""
    return np.where(mask != 0, x, 0)


def _shifted(y: Array) -> Array:
    """y − max y for every row of y (N, classes), a new array. NumPy's maximum takes 50 ns for each row, however short:

    few classes are turned into long rows first, ten times as fast.
    """
    if y.shape[1] <= 64:
        return y - np.max(y.T.copy(), axis=0)[:, None]
    return y - np.max(y, axis=1, keepdims=True)


class MeanSquaredError(Loss):
    """Mean squared error, L = (1/N) Σ m ⊙ (y − t)².

        r = y − t                                                  (Q1)
        L = (1/N) Σ m ⊙ r²                                         (Q2)  N counts unmasked numbers
        ȳ = (2/N) m ⊙ r                                            (Q3)

    batch.y (K, B, m) targets; batch.mask (K, B) or None.   Derivation: docs/derivations/losses.md
    """

    summary = "mean squared error, with a mask"

    def total(self, y, batch):
        r = y - batch.y                                             # (Q1)
        mask = None if batch.mask is None else batch.mask[..., None].astype(y.dtype)
        count = r.size if mask is None else np.maximum(np.sum(mask) * y.shape[-1], 1)
        r = r if mask is None else _kept(r, mask)
        total = np.sum(r * r if mask is None else r * r * mask)     # (Q2)
        return total, count, (r, mask, count)

    def backward(self, cache):
        r, mask, count = cache
        dy = (2 / count) * (r if mask is None else r * mask)        # (Q3) undoes (Q2), (Q1)
        return dy

    @classmethod
    def examples(cls, n, rng):
        y, t = rng.standard_normal((2, 4, 3, n))
        yield "every position", (cls(), y, SimpleNamespace(y=t, mask=None))
        mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
        yield "masked", (cls(), y, SimpleNamespace(y=t, mask=mask))
