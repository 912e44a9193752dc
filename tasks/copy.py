"""Copy: keep ten symbols over a long blank, then repeat them."""

from __future__ import annotations

import math

import numpy as np

from minirnn.metrics import accuracy_of_last
from minirnn.tasks.base import Batch, Task, whole_number

SYMBOLS = 8         # 1 .. 8; 0 is the blank
DELIMITER = 9
COPIED = 10


class Copy(Task):
    """Repeat ten symbols of 1 .. 8 after a lag of T steps.  [arjovsky2016, section 4.1]

        x   s₁ ... s₁₀   0 ... 0   9   0 ... 0        10 symbols, T − 1 blanks, the delimiter, 10 blanks
        y   0 ... 0                    s₁ ... s₁₀     T + 10 blanks, 10 symbols

    Both are (T + 20, B) and the loss is the mean over all steps; the accuracy is that of the last ten alone, since
    the blanks by themselves would make it (T + 10)/(T + 20). Whoever knows the time but no symbol answers with
    blanks, then with the uniform distribution over 8: loss 10 ln 8 / (T + 20), accuracy 1/8.

    length   T, the lag; a symbol and its answer are T + 10 steps apart
    """

    summary = "repeat ten symbols after a lag of T steps"
    source = "arjovsky2016, section 4.1"
    symbols = True
    n_in = DELIMITER + 1
    n_out = SYMBOLS + 1
    read_last = None
    loss = "softmax-cross-entropy"
    metrics = {"accuracy": accuracy_of_last(COPIED)}
    goal = ("accuracy", "rise")
    evaluation_size = 500

    def __init__(self, length: int = 100):
        self.length = whole_number("length", length, 1, "the delimiter stands T − 1 blanks after the symbols")
        self.suggested = {
            "model": {"name": "urnn-exp", "hidden_size": 128},
            "optimizer": {"rule": "adam", "lr": 1e-3},
            "train": {"batch_size": 20, "steps": 2_000, "evaluate_every": 100, "stop_at": 0.99},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        rng = self.generator(split, seed, step)
        s = rng.integers(1, SYMBOLS + 1, (COPIED, batch_size))
        x, y = np.zeros((2, self.length + 2 * COPIED, batch_size), dtype=s.dtype)
        x[:COPIED] = s
        x[COPIED + self.length - 1] = DELIMITER
        y[-COPIED:] = s
        return Batch(x, y)

    def batches(self, split: str, batch_size: int) -> int:
        return math.ceil(self.evaluation_size / batch_size)

    def baseline(self) -> dict[str, float]:
        return {"loss": COPIED * float(np.log(SYMBOLS)) / (self.length + 2 * COPIED), "accuracy": 1 / SYMBOLS}
