"""Penn Treebank, character by character: one sentence per sequence, say the next character at every step."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from minirnn.errors import UsageError
from minirnn.metrics import accuracy, bits
from minirnn.tasks.base import Batch, Task, whole_number
from minirnn.text import encode_file, read_ptb
from minirnn.vocabulary import Vocabulary


class PtbChar(Task):
    """Say the next character of a sentence, at every step.  [vorontsov2017, section 3; data: marcus1993, mikolov2010]

        x      c₁ c₂ ... c_{L−1}      padded on the right to the longest sentence of the batch
        y      c₂ c₃ ... c_L
        mask   1 on these, 0 on the padding

    All (T, B). The state starts anew with every sentence. The symbols are the 49 characters of the training text in
    Unicode order (the corpus has no capitals but N, and writes a rare word as the five characters <unk>); with `end`,
    the sentence's end is a 50th symbol, which is asked for after c_L. Sentences are taken without the spaces around
    them: 25.2 % of the training sentences have at most 75 characters, 99.4 % at most 300. The paper says 23 % and 99 %;
    counting those spaces and the line's end gives 23.4 %.

    The training batches of one pass are made of a permutation drawn from (seed, pass): its last incomplete batch is
    left out, the rest is sorted by length, cut, and the batches shuffled, so that little is padded. The other splits
    come sorted by length, complete, and are the same for every seed.

    Metrics: bits per character, CE / ln 2, and accuracy. Without memory the best guess follows from c_t alone: the
    frequencies of the training text's pairs of characters.

    max_length   longest sentence kept, in characters: 75 and 300 are published
    end          ask for the sentence's end, too
    data_dir     folder of the three PTB files, or one above it; None looks in the usual places
    """

    summary = "say the next character of a sentence"
    source = "vorontsov2017, section 3"
    symbols = True
    read_last = None
    finite = True
    loss = "softmax-cross-entropy"
    metrics = {"accuracy": accuracy}
    report = {"bpc": ("loss", bits)}
    goal = ("bpc", "fall")

    def __init__(self, max_length: int = 75, end: bool = False, data_dir: str | Path | None = None):
        self.max_length = whole_number("max_length", max_length, 2, "a sentence needs a character and a next one")
        files = read_ptb(data_dir)
        self.vocabulary = Vocabulary.of_characters(files["train"][1], end)
        self.n_in = self.n_out = len(self.vocabulary)
        self.ids: dict[str, np.ndarray] = {}            # all kept sentences in one row
        self.starts: dict[str, np.ndarray] = {}         # where each begins in it
        self.lengths: dict[str, np.ndarray] = {}        # how many characters it has, with its end if that is asked for
        self._kept = []
        for split, (path, lines) in files.items():
            kept = [line for line in lines if 2 - end <= len(line) <= self.max_length]
            if not kept:
                raise UsageError(f"no sentence of {path} has 2 to {self.max_length:,} characters; raise max_length")
            self.ids[split], _ = encode_file(path, kept, self.vocabulary, "\n" if end else "")
            self.lengths[split] = np.array([len(line) + end for line in kept])
            self.starts[split] = np.cumsum(self.lengths[split]) - self.lengths[split]
            share, part = len(kept) / len(lines), sum(map(len, kept)) / sum(map(len, lines))
            self._kept.append(f"{split} {len(kept):,} of {len(lines):,} sentences "
                              f"({100 * share:.1f} %, {100 * part:.1f} % of the characters)")
        epoch = self.batches("train", 50)
        self.suggested = {
            "model": {"name": "lstm", "hidden_size": 128},
            "optimizer": {"rule": "adam", "lr": 3e-3, "clip_norm": 1.0},
            "train": {"batch_size": 50, "steps": 4 * epoch, "evaluate_every": epoch},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        epoch, position = divmod(step, self.batches(split, batch_size))
        chosen = self._order(split, batch_size, seed, epoch)[position * batch_size : (position + 1) * batch_size]
        starts, targets = self.starts[split][chosen], self.lengths[split][chosen] - 1
        t = np.arange(targets.max())[:, None]
        mask = t < targets                                                          # (T, B)
        at = np.where(mask, starts + t, starts)
        x, y = self.ids[split][at], self.ids[split][at + 1]
        return Batch(np.where(mask, x, 0), np.where(mask, y, 0), mask)

    def batches(self, split: str, batch_size: int) -> int:
        size = len(self.lengths[split])
        return max(size // batch_size, 1) if split == "train" else math.ceil(size / batch_size)

    def baseline(self) -> dict[str, float]:
        n, ids = self.n_in, self.ids["train"]
        inner = np.ones(len(ids), dtype=bool)
        inner[self.starts["train"]] = False                                         # a first character is no target
        at = np.flatnonzero(inner)
        pairs = np.bincount(n * ids[at - 1] + ids[at], minlength=n * n).reshape(n, n)
        total, seen = len(at), pairs[pairs > 0]
        given = np.broadcast_to(pairs.sum(axis=1, keepdims=True), pairs.shape)[pairs > 0]
        loss = float(-np.sum(seen * np.log(seen / given)) / total)
        return {"loss": loss, "accuracy": float(pairs.max(axis=1).sum() / total), "bpc": bits(loss)}

    def describe(self) -> str:
        kept = "; ".join(self._kept)
        return f"Sentences of at most {self.max_length} characters: {kept}. {self.n_in} symbols."

    def _order(self, split: str, batch_size: int, seed: int, epoch: int) -> np.ndarray:
        """The sentences of one pass in the order in which its batches take them."""
        lengths = self.lengths[split]
        if split != "train":
            return np.argsort(lengths, kind="stable")
        rng = self.generator(split, seed, epoch)
        drawn = rng.permutation(len(lengths))[: self.batches(split, batch_size) * batch_size]
        order = drawn[np.argsort(lengths[drawn], kind="stable")]
        if len(order) < batch_size:
            return order
        return rng.permutation(order.reshape(-1, batch_size)).reshape(-1)


