"""The protocol of a memory: the gradients of a batch, with more or less kept of the forward pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from minirnn import scoring
from minirnn.model import Model

Array = Any
States = tuple[tuple[Array, ...], ...]    # one state per layer


class Step(NamedTuple):
    """A forward and a backward pass over one batch."""

    total: Array               # the sum of the loss
    count: Array               # over how many positions or numbers
    grads: dict[str, Any]      # of the loss total / count and of the penalties
    last: States               # the last state
    penalty: Array             # what the regularizers add to the loss


class Memory(ABC):
    """How the gradients of a batch are found: what is kept of the forward pass, and what is made again.

    All memories compute the same gradients, by the same cells and read-outs, up to rounding. A backward pass needs all
    states; they differ in where it has them from.   Derivation: docs/derivations/memory.md
    """

    summary: ClassVar[str]

    def check(self, model: Model) -> None:  # noqa: B027 - most memories serve every model
        """raises UsageError if the model cannot be trained with this memory; asked once, before training."""

    @abstractmethod
    def gradients(self, model: Model, loss: Any, batch: Any, state: States | None, rng: Any) -> Step:
        """One training step's passes.

        batch   x (T, B, ...), y and mask (K, B, ...): what the last K steps are to say
        state   where the sequences go on from, one tuple per layer; None: the layers' initial state
        rng     draws the dropout masks; None means no dropout
        """

    def evaluate(
        self, model: Model, loss: Any, batch: Any, state: States | None, metrics: dict[str, Any]
    ) -> tuple[dict[str, tuple[Array, Array]], States]:
        """({"loss" and each metric: (sum, count)}, last state), without gradients."""
        H, last, _ = model.hidden(batch.x, state, read=len(batch.y), keep=False)
        return scoring.evaluate(model.readout, loss, H, batch, metrics), last


def copied(states: States) -> States:
    """The same states in memory of their own: a view of one state keeps all states of its piece alive."""
    return tuple(tuple(s.copy() for s in layer) for layer in states)
