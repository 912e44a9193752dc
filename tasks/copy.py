"""Copy: keep ten symbols over a long blank, then repeat them. Four published layouts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.metrics import accuracy_of_last
from minirnn.tasks.base import Batch, Task, whole_number

COPIED = 10


@dataclass(frozen=True)
class Variant:
    """What differs between the published layouts. Ids: 0 blank, 1 .. alphabet the symbols, alphabet + 1 the delimiter.

    alphabet   how many different symbols
    wait       steps from the delimiter to the first answer
    width      real features per step; None: the network gets the ids themselves, as alphabet + 2 symbols
    input      ids (T + 20, B) -> x
    speaks     the answer has a blank before the copied part, as class 0, and the loss counts it
    length     T where none is given
    """

    alphabet: int = 8
    wait: int = 1
    width: int | None = None
    input: Callable[[np.ndarray], np.ndarray] = lambda ids: ids
    speaks: bool = True
    length: int = 100


def _scalar(ids: np.ndarray) -> np.ndarray:
    """The symbol's value, 0 for a blank, −1 for the delimiter: (T, B, 1)."""
    return np.where(ids == 9, -1, ids).astype(np.float32)[..., None]


def _zero_for_blank(ids: np.ndarray) -> np.ndarray:
    """Indicator vectors (T, B, 11) of symbols and delimiter; a blank is the zero vector."""
    return np.eye(12, 11, k=-1, dtype=np.float32)[ids]


VARIANTS = {
    "arjovsky": Variant(),
    "vorontsov": Variant(width=1, input=_scalar),
    "exprnn": Variant(wait=0),
    "dizzy": Variant(alphabet=10, width=11, input=_zero_for_blank, speaks=False, length=90),
}


class Copy(Task):
    """Repeat ten symbols after a lag of T steps.  [arjovsky2016, section 4.1]

        x   s₁ ... s₁₀   0 ... 0   d   0 ... 0        10 symbols, T − 1 blanks, the delimiter, 10 blanks
        y   0 ... 0                    s₁ ... s₁₀     T + 10 blanks, 10 symbols

    Both are (T + 20, B), the symbols are 1 .. 8, the delimiter is 9, and the loss is the mean over all steps; the
    accuracy is that of the last ten alone, since the blanks by themselves would make it (T + 10)/(T + 20). Whoever
    knows the time but no symbol answers with blanks, then with the uniform distribution over 8: loss
    10 ln 8 / (T + 20), accuracy 1/8. That is `arjovsky`; what the others change:

        vorontsov   the input is one real number: the symbol's value 1 .. 8, blank 0, delimiter −1; in the authors'
                    released program  [vorontsov2017, section 3]
        exprnn      T blanks, then the delimiter, then 9 blanks: the first answer is due at the delimiter itself; in
                    the authors' released program  [lezcano2019, section 5]
        dizzy       10 symbols; symbols and delimiter are indicator vectors of 11 numbers, a blank is the zero vector;
                    only the copied part is asked for, y (10, B): loss ln 10, accuracy 1/10  [dorobantu2016, section 6]

    variant  arjovsky, vorontsov, exprnn or dizzy
    length   T, the lag; a symbol and its answer are T + 10 steps apart; None is 90 for dizzy and 100 for the others
    """

    summary = "repeat ten symbols after a lag of T steps"
    source = "arjovsky2016, section 4.1"
    loss = "softmax-cross-entropy"
    metrics = {"accuracy": accuracy_of_last(COPIED)}
    goal = ("accuracy", "rise")
    evaluation_size = 500

    def __init__(self, length: int | None = None, variant: str = "arjovsky"):
        if variant not in list(VARIANTS):
            choices = ", ".join(VARIANTS)
            raise UsageError(f"variant must be one of {choices} (got {variant!r}); set variant to one of them")
        self.variant = v = VARIANTS[variant]
        reason = "the delimiter stands T − 1 blanks after the symbols"
        self.length = v.length if length is None else whole_number("length", length, 1, reason)
        self.symbols = v.width is None
        self.n_in = v.width or v.alphabet + 2
        self.n_out = v.alphabet + v.speaks
        self.read_last = None if v.speaks else COPIED
        self.suggested = SUGGESTED[variant]

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        rng, v = self.generator(split, seed, step), self.variant
        s = rng.integers(1, v.alphabet + 1, (COPIED, batch_size))
        ids = np.zeros((self.length + 2 * COPIED, batch_size), dtype=s.dtype)
        ids[:COPIED] = s
        ids[COPIED + self.length - v.wait] = v.alphabet + 1
        if not v.speaks:
            return Batch(v.input(ids), s - 1)
        y = np.zeros_like(ids)
        y[-COPIED:] = s
        return Batch(v.input(ids), y)

    def batches(self, split: str, batch_size: int) -> int:
        return math.ceil(self.evaluation_size / batch_size)

    def baseline(self) -> dict[str, float]:
        A = self.variant.alphabet
        steps = self.length + 2 * COPIED if self.variant.speaks else COPIED
        return {"loss": COPIED * float(np.log(A)) / steps, "accuracy": 1 / A}


def _suggested(steps: int, batch_size: int = 20) -> dict[str, dict[str, Any]]:
    """A linear network that starts at a random orthogonal W: of those tried it needs the fewest steps."""
    return {
        "model": {"name": "network", "hidden_size": 128, "activation": "identity", "start": "orthogonal"},
        "optimizer": {"rule": "adam", "lr": 3e-4, "clip_norm": 1.0},
        "train": {"batch_size": batch_size, "steps": steps, "evaluate_every": 100, "stop_at": 0.99},
    }


SUGGESTED = {
    "arjovsky": _suggested(2_000),
    "vorontsov": _suggested(4_000),
    "exprnn": _suggested(2_000),
    "dizzy": _suggested(1_000, batch_size=100),
}
