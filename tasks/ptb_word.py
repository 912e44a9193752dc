"""Penn Treebank, word by word: one running text, say the next word at every step."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from minirnn.metrics import perplexity
from minirnn.tasks.base import Batch, Task, whole_number
from minirnn.text import encode_file, read_ptb
from minirnn.vocabulary import END, Vocabulary


class PtbWord(Task):
    """Say the next word of a running text, at every step.  [chu, section 6; data: marcus1993, mikolov2010]

        x   w_{p−1} for window after window of B streams, each a contiguous piece of the text       (T, B)
        y   w_p

    Each line of the file is a sentence and ends with the word <eos>: w₁ ... w_N, 929,589 words of 10,000 kinds for
    training; w₀ is <eos>, so that every word is asked for, once per pass. Stream b holds ⌈N/B⌉ words, and where the
    last streams end early the mask is 0. Batches continue one another: the state is carried from window to window as a
    value and begins anew with each pass, so a gradient travels at most one window. There is nothing to shuffle: the
    batches are the same for every seed and every pass. A longer evaluation batch means more streams that begin
    without a past.

    Metric: perplexity, e^CE. Without memory and without reading, the best guess is the frequency of the words among
    the training words. (The last word alone would say more, but the frequencies of 10,000² pairs cannot be known.)

    window     steps of time per batch, which is what a gradient travels: 35 and 150 are published
    data_dir   folder of the three PTB files, or one above it; None looks in the usual places
    """

    summary = "say the next word of a running text"
    source = "chu, section 6"
    symbols = True
    read_last = None
    finite = True
    loss = "softmax-cross-entropy"
    metrics = {}
    report = {"perplexity": ("loss", perplexity)}
    goal = ("perplexity", "fall")
    stateful = True

    def __init__(self, window: int = 35, data_dir: str | Path | None = None):
        self.window = whole_number("window", window, 1, "it is the steps of time in a batch")
        files = read_ptb(data_dir)
        self.vocabulary = Vocabulary.of_words(files["train"][1])
        self.n_in = self.n_out = len(self.vocabulary)
        first = self.vocabulary.ids[END]
        self.ids: dict[str, np.ndarray] = {}            # (N + 1,), w₀ first
        sizes, strange = [], ""
        for split, (path, lines) in files.items():
            ids, unknown = encode_file(path, lines, self.vocabulary, "\n")
            self.ids[split] = np.concatenate([[first], ids])
            sizes.append(f"{split} {len(ids):,}")
            if unknown:
                strange += f" {len(unknown):,} words of {path.name} are read as <unk>."
        self._said = f"Words with <eos>: {', '.join(sizes)}; {self.n_in:,} different ones.{strange}"
        epoch = self.batches("train", 20)
        self.suggested = {
            "model": {"name": "lstm", "hidden_size": 200, "embedding_size": 200},
            "optimizer": {"rule": "adam", "lr": 2e-3, "clip_norm": 1.0},
            "train": {"batch_size": 20, "steps": epoch, "evaluate_every": epoch},
        }

    def batch(self, split: str, batch_size: int, seed: int, step: int) -> Batch:
        ids, stream = self.ids[split], self._stream(split, batch_size)
        start = step % self.batches(split, batch_size) * self.window
        t = np.arange(start, min(start + self.window, stream))[:, None]
        p = t + stream * np.arange(batch_size)                                      # (T, B) w_p is read, w_{p+1} asked
        there = p < len(ids) - 1
        if there.all():
            return Batch(ids[p], ids[p + 1])
        p = np.where(there, p, 0)
        return Batch(np.where(there, ids[p], 0), np.where(there, ids[p + 1], 0), there)

    def batches(self, split: str, batch_size: int) -> int:
        return -(-self._stream(split, batch_size) // self.window)

    def baseline(self) -> dict[str, float]:
        counts = np.bincount(self.ids["train"][1:])
        p = counts[counts > 0] / counts.sum()
        loss = float(-np.sum(p * np.log(p)))
        return {"loss": loss, "perplexity": perplexity(loss)}

    def describe(self) -> str:
        return self._said

    def _stream(self, split: str, batch_size: int) -> int:
        """Words per stream, ⌈N/B⌉."""
        return -(-(len(self.ids[split]) - 1) // batch_size)
