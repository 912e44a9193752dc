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
from minirnn.memory import cached_rows

Array = Any


class Loss(ABC):
    """L(y), with y (K, B, n_out) what the read-out says at the last K steps and batch.y what it should say."""

    summary: ClassVar[str]

    @abstractmethod
    def total(self, y: Array, batch: Any, spent: bool = False, N: Array | None = None) -> tuple[Array, Array, Any]:
        """(sum of the loss over the unmasked positions, their count, cache).

        spent   nobody needs y any more: it may be overwritten, and become ∂L/∂y
        N       the count to divide ∂L/∂y by, where the batch is a piece of a larger one
        """

    @abstractmethod
    def backward(self, cache: Any) -> Array:
        """∂L/∂y, with the shape of y."""

    def count(self, batch: Any, y: Array) -> Array:
        """How many unmasked positions there are; of y (..., n_out) only the type matters, and the last axis."""
        if batch.mask is None:
            return batch.y.shape[0] * batch.y.shape[1]
        return np.sum(batch.mask.astype(y.dtype))

    def forward(self, y: Array, batch: Any) -> tuple[Array, Any]:
        """(L, cache). L is a 0-d array on the device of y; a batch without any unmasked position has L = 0."""
        total, count, cache = self.total(y, batch)
        return total / at_least_one(count), cache

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

    def total(self, y, batch, spent=False, N=None):
        backend.check_ids(batch.y, y.shape[-1], "classes")
        scores, classes, count = y.reshape(-1, y.shape[-1]), batch.y.reshape(-1), self.count(batch, y)
        dy = scores if spent else np.empty_like(scores)
        nll = np.empty_like(scores[:, 0])
        mask = None if batch.mask is None else batch.mask.reshape(-1, 1).astype(y.dtype)
        N = at_least_one(count) if N is None else N
        for rows in cached_rows(scores):
            e = _shifted(scores[rows], dy[rows])
            own = np.arange(0, e.size, e.shape[1], like=e) + classes[rows]    # where in e, laid out row by row
            chosen = e.reshape(-1)[own]
            np.exp(e, out=e)
            Z = e @ np.ones_like(e[:1].T)                           # (S1) p = e/Z; a product is faster than np.sum
            nll[rows] = np.log(Z[:, 0]) - chosen                    # (S2)
            e.reshape(-1)[own] -= Z[:, 0]                           # Z (p − onehot): what (S3) needs
            found = self.gradients(e, Z, N)
            if mask is not None:
                found = _kept(found, mask[rows]) * mask[rows]
            if found is not e:
                e[...] = found
        total = np.sum(nll if mask is None else _kept(nll, mask[:, 0]) * mask[:, 0])
        return total, count, dy.reshape(y.shape)

    def gradients(self, e, Z, N):
        """ȳ of some rows, in the memory of e, which is still in the cache."""
        dy = np.multiply(e, 1 / (N * Z), out=e)                     # (S3) undoes (S2), (S1)
        return dy

    def backward(self, cache: Any) -> Array:
        dy = cache
        return dy

    @classmethod
    def examples(cls, n, rng):
        y = 3 * rng.standard_normal((4, 3, n))
        classes = rng.integers(0, n, (4, 3))
        yield "every position", (cls(), y, SimpleNamespace(y=classes, mask=None))
        mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
        yield "masked", (cls(), y, SimpleNamespace(y=classes, mask=mask))


def at_least_one(count: Array) -> Array:
    """What a sum over `count` positions is divided by: 1 where there are none, since the sum is then 0."""
    return max(count, 1) if isinstance(count, int) else np.maximum(count, 1)


def _kept(x: Array, mask: Array) -> Array:
    """x, and 0 wherever m = 0, whatever is there: 0 · NaN would be NaN."""
    return np.where(mask != 0, x, 0)


def _shifted(y: Array, out: Array) -> Array:
    """y − max y for every row of y (N, classes). NumPy's maximum takes 50 ns for each row, however short:

    few classes are turned into long rows first, ten times as fast.
    """
    top = np.max(y.T.copy(), axis=0)[:, None] if y.shape[1] <= 64 else np.max(y, axis=1, keepdims=True)
    return np.subtract(y, top, out=out)


class MeanSquaredError(Loss):
    """Mean squared error, L = (1/N) Σ m ⊙ (y − t)².

        r = y − t                                                  (Q1)
        L = (1/N) Σ m ⊙ r²                                         (Q2)  N counts unmasked numbers
        ȳ = (2/N) m ⊙ r                                            (Q3)

    batch.y (K, B, m) targets; batch.mask (K, B) or None.   Derivation: docs/derivations/losses.md
    """

    summary = "mean squared error, with a mask"

    def total(self, y, batch, spent=False, N=None):
        r = y - batch.y                                             # (Q1)
        mask = None if batch.mask is None else batch.mask[..., None].astype(y.dtype)
        r = r if mask is None else _kept(r, mask)
        total = np.sum(r * r if mask is None else r * r * mask)     # (Q2)
        count = self.count(batch, y)
        return total, count, (r, mask, at_least_one(count) if N is None else N)

    def backward(self, cache: Any) -> Array:
        r, mask, N = cache
        dy = (2 / N) * (r if mask is None else r * mask)            # (Q3) undoes (Q2), (Q1)
        return dy

    def count(self, batch: Any, y: Array) -> Array:
        return super().count(batch, y) * y.shape[-1]

    @classmethod
    def examples(cls, n, rng):
        y, t = rng.standard_normal((2, 4, 3, n))
        yield "every position", (cls(), y, SimpleNamespace(y=t, mask=None))
        mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])
        yield "masked", (cls(), y, SimpleNamespace(y=t, mask=mask))
