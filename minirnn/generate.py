"""Text from a language model: one symbol at a time, each chosen from what the model says and fed back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minirnn import backend
from minirnn.errors import UsageError

GENERATION = 103     # the stream of random numbers, beside those of the data, dropout and the initial parameters


class Greedy:
    """The most probable symbol; the first of several that are."""

    def choose(self, scores: np.ndarray, number: int) -> int:
        return int(np.argmax(scores))


class Sample:
    """A symbol drawn from softmax(y / temperature), of all symbols or of the k most probable.

    temperature   1 is the model's own distribution; lower is more certain
    top_k         how many symbols may be drawn; 0: all
    seed          the choice of symbol `number` is a pure function of (seed, number) and the scores
    """

    def __init__(self, temperature: float = 1.0, top_k: int = 0, seed: int = 0):
        if not 0 < temperature < np.inf:
            raise UsageError(f"temperature must be positive and finite (got {temperature}); for certainty use --greedy")
        for name, value in (("top_k", top_k), ("seed", seed)):
            if value < 0:
                raise UsageError(f"{name} must be zero or positive (got {value}); leave it out for the default")
        self.temperature, self.top_k, self.seed = temperature, top_k, seed

    def choose(self, scores: np.ndarray, number: int) -> int:
        y = scores.astype(np.float64)
        candidates = np.argsort(-y, kind="stable")                  # the most probable first
        if self.top_k:
            candidates = candidates[: self.top_k]
        z = (y[candidates] - y[candidates[0]]) / self.temperature   # differences first: they cannot overflow
        cumulated = np.cumsum(np.exp(z))
        u = np.random.default_rng([self.seed, GENERATION, number]).random()
        return int(candidates[np.searchsorted(cumulated, u * cumulated[-1], side="right")])


def generate(
    model: Any, prompt: Sequence[int], length: int, chooser: Greedy | Sample, stop: int | None = None
) -> Iterator[int]:
    """`length` symbols that follow the prompt, one by one; `stop` ends them early, as the last.

    The model reads the prompt from its initial state, and says after its last symbol what comes next; each choice is
    read in turn, the state carried on. On a device, each symbol costs one copy there and the scores one copy back.

    raises   UsageError if the prompt holds a number that is no symbol of the model
    """
    like = next(iter(model.params.values()))
    state = None
    unread = np.asarray(prompt, dtype=np.int64)
    backend.check_ids(unread, model.readout.params["b"].size, "symbols of the prompt")
    for number in range(length):
        x = backend.to(unread[:, None], "cupy") if backend.is_device(like) else unread[:, None]     # (T, 1)
        y, state, _ = model.forward(x, state, read=1, keep=False)
        chosen = chooser.choose(backend.to_host(y)[0, 0], number)
        yield chosen
        if chosen == stop:
            return
        unread = np.array([chosen])
