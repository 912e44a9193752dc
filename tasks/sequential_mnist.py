"""Sequential MNIST: read a digit in pieces, name it at the end."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from minirnn.data import load_mnist
from minirnn.errors import UsageError
from minirnn.metrics import accuracy
from minirnn.tasks.base import Batch, Task

VALIDATION = 1_000
EPOCHS = {"pixels": 4, "pooled": 6, "rows": 10}


class SequentialMnist(Task):
    """Classify a 28 x 28 digit that arrives over time, in reading order.  [le2015, section 4.2]

        pixels   T = 784 steps of 1 pixel
        pooled   T = 196 steps of 1 feature: the means of the 2 x 2 blocks
        rows     T = 28 steps of 28 pixels

    x (T, B, m) grey values in [0, 1]; y (1, B) the digit, read at the last step. The last 1,000 training images are
    the validation split; the test images are the test split and serve nothing else. Each pass over the training images
    is a permutation drawn from (seed, pass), and its last incomplete batch is left out; the other splits come in their
    own order, complete, and are the same for every seed. Without having seen the digit, the best answer is
    the frequency of the classes among the training images.

    layout     "pixels", "pooled" or "rows"
    data_dir   folder of the four MNIST files, or one above it; None looks in the usual places
    """

    summary = "classify a digit read pixel by pixel, in 2 x 2 means, or row by row"
    source = "le2015, section 4.2"
    symbols = False
    n_out = 10
    read_last = 1
    finite = True
    loss = "softmax-cross-entropy"
    metrics = {"accuracy": accuracy}
    goal = ("accuracy", "rise")

    def __init__(self, layout: str = "rows", data_dir: str | Path | None = None):
        if layout not in list(EPOCHS):
            raise UsageError(f"layout must be one of {', '.join(EPOCHS)} (got {layout!r}); set layout to one of them")
        mnist = load_mnist(data_dir)
        if len(mnist.train_images) <= VALIDATION:
            raise UsageError(
                f"sequential MNIST needs more than {VALIDATION:,} training images, because the last {VALIDATION:,} are "
                f"the validation split (got {len(mnist.train_images):,} in {mnist.folder}); use a larger file"
            )
        self.layout = layout
        self.n_in = 28 if layout == "rows" else 1
        self.splits = {
            "train": (mnist.train_images[:-VALIDATION], mnist.train_labels[:-VALIDATION]),
            "valid": (mnist.train_images[-VALIDATION:], mnist.train_labels[-VALIDATION:]),
            "test": (mnist.test_images, mnist.test_labels),
        }
        epoch = self.batches("train", 50)
        self.suggested = {
            "model": {"name": "lstm", "hidden_size": 128},
            "optimizer": {"rule": "adam", "lr": 1e-3},
            "train": {"batch_size": 50, "steps": EPOCHS[layout] * epoch, "evaluate_every": epoch},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        images, labels = self.splits[split]
        epoch, position = divmod(step, self.batches(split, batch_size))
        chosen = slice(position * batch_size, (position + 1) * batch_size)
        if split == "train":
            order = self.generator(split, seed, epoch).permutation(len(images))     # 0.5 ms for 60,000: no cache
            return self._sequences(images[order[chosen]], labels[order[chosen]])
        return self._sequences(images[chosen], labels[chosen])

    def batches(self, split: str, batch_size: int) -> int:
        size = len(self.splits[split][0])
        return max(size // batch_size, 1) if split == "train" else math.ceil(size / batch_size)

    def baseline(self) -> dict[str, float]:
        p = np.bincount(self.splits["train"][1], minlength=self.n_out) / len(self.splits["train"][1])
        seen = p[p > 0]
        return {"loss": float(-np.sum(seen * np.log(seen))), "accuracy": float(np.max(p))}

    def _sequences(self, images: np.ndarray, labels: np.ndarray) -> Batch:
        """(B, 28, 28) grey values 0 .. 255 to x (T, B, m), time first."""
        grey = images.astype(np.float32) / 255
        if self.layout == "pooled":
            grey = grey.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))                 # (B, 14, 14)
        steps = grey.reshape(len(grey), -1, self.n_in)                              # (B, T, m)
        return Batch(np.ascontiguousarray(steps.transpose(1, 0, 2)), labels[None].astype(np.int64))
