"""What a task is: pure batches, the loss, what counts as success, and what a memoryless guesser gets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from minirnn.errors import UsageError
from minirnn.vocabulary import Vocabulary

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Batch:
    """One mini-batch, time first.

    x      (T, B) integer symbols, or (T, B, m) real features
    y      (K, B) integer classes, or (K, B, m) real targets: what the last K steps are to say, K <= T
    mask   (K, B), 1 where the loss counts and 0 where it does not; None counts everywhere
    """

    x: Any
    y: Any
    mask: Any = None

    def chunks(self, length: int | None) -> Iterator[Batch]:
        """Cut the batch along time into pieces of at most `length` steps, each with the targets that fall in it."""
        T, K = len(self.x), len(self.y)
        if length is None or length >= T:
            yield self
            return
        for start in range(0, T, length):
            stop = min(start + length, T)
            read = slice(max(start - (T - K), 0), max(stop - (T - K), 0))
            mask = None if self.mask is None else self.mask[read]
            yield replace(self, x=self.x[start:stop], y=self.y[read], mask=mask)

    def map(self, function: Callable[[Any], Any]) -> Batch:
        """The same batch with `function` applied to each of its arrays (a transfer, a cast)."""
        return Batch(function(self.x), function(self.y), None if self.mask is None else function(self.mask))

    @property
    def asked(self) -> int:
        """At how many positions the loss counts. For arrays on the host."""
        return self.y.shape[0] * self.y.shape[1] if self.mask is None else int(np.sum(self.mask))


class Task(ABC):
    """A data set or generator with its loss. Construction validates the options; `batch` never fails afterwards.

    symbols        x holds integers 0 .. n_in - 1 (else: n_in real features)
    n_in, n_out    sizes of the input alphabet or feature vector, and of the read-out
    read_last      K: the read-out speaks at the last K steps; None: at every step
    loss           the name of the loss in `minirnn.losses`
    metrics        name -> function(prediction (K, B, n_out), batch) -> (sum, count)
    report         name -> (the loss or metric it comes from, function of that one's mean over a split): perplexity
    goal           the metric that early stopping and bars look at, and whether it is to "rise" or to "fall"
    stateful       each batch continues the one before, from the first to the last of a pass over the split
    finite         training batches are taken from a data set, `batches("train", ...)` of them to an epoch
    vocabulary     the symbols of a text as words or characters; None where x is no text
    suggested      configuration tables (model, optimizer, train) that the command line starts from
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    symbols: bool
    n_in: int
    n_out: int
    read_last: int | None
    loss: str
    metrics: dict[str, Callable[[Any, Batch], tuple[Any, Any]]]
    report: dict[str, tuple[str, Callable[[float], float]]] = {}
    goal: tuple[str, str]
    stateful: bool = False
    finite: bool = False
    vocabulary: Vocabulary | None = None
    suggested: dict[str, dict[str, Any]]

    @abstractmethod
    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        """The batch of that number: a pure function of its arguments, so resuming needs no history."""

    @abstractmethod
    def batches(self, split: str, batch_size: int) -> int:
        """How many batches make one pass over the split (generators: over their evaluation set)."""

    @abstractmethod
    def baseline(self) -> dict[str, float]:
        """Loss and metrics of the best guesser without memory, in closed form."""

    def describe(self) -> str:
        """What a user should know about the data before training, in a sentence or two; "" if nothing."""
        return ""

    def generator(self, split: str, seed: int, step: int) -> np.random.Generator:
        """The random stream that belongs to one batch of one split."""
        return np.random.default_rng([seed, SPLITS.index(split), step])


def whole_number(option: str, value: Any, least: int, reason: str, most: int = 1_000_000) -> int:
    """The value of an option, or a UsageError when it is not a whole number in [least, most]."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise UsageError(
            f"{option} must be a whole number from {least:,} to {most:,} (got {value!r}): {reason}; "
            f"set {option} within that range"
        )
    return int(value)
