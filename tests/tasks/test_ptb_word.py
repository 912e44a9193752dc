"""PTB words: streams that continue one another, every word asked for once, the published counts."""

import os

import numpy as np
import pytest

from minirnn.tasks.ptb_word import PtbWord
from minirnn.text import read_ptb

REAL = pytest.mark.skipif(not os.environ.get("MINIRNN_DATA"), reason="MINIRNN_DATA names no folder with the real PTB")


def _streams(task, split, batch_size):
    """(what each stream reads, what it is asked), windows put together."""
    batches = [task.batch(split, batch_size, 0, k) for k in range(task.batches(split, batch_size))]
    masks = [np.ones(b.x.shape, dtype=bool) if b.mask is None else b.mask for b in batches]
    x, y, mask = (np.concatenate(a) for a in ([b.x for b in batches], [b.y for b in batches], masks))
    return [(x[mask[:, b], b].tolist(), y[mask[:, b], b].tolist()) for b in range(batch_size)]


@pytest.mark.parametrize("window", [1, 5, 35, 10_000])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 2_000])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_the_streams_together_are_the_text(ptb_folder, split, batch_size, window):
    task = PtbWord(window, ptb_folder)
    words = [w for line in read_ptb(ptb_folder)[split][1] for w in (*line.split(), "<eos>")]
    read, asked = [], []
    for x, y in _streams(task, split, batch_size):
        assert y[:-1] == x[1:]
        read, asked = read + x, asked + y
    assert [task.vocabulary.symbols[k] for k in asked] == words                 # each word once, in order
    assert [task.vocabulary.symbols[k] for k in read] == ["<eos>", *words[:-1]]


def test_a_pass_begins_again_at_the_first_window(ptb_folder):
    task = PtbWord(5, ptb_folder)
    n = task.batches("train", 4)
    assert np.array_equal(task.batch("train", 4, 0, n + 2).x, task.batch("train", 4, 9, 2).x)


def test_only_the_last_window_is_masked(ptb_folder):
    task = PtbWord(5, ptb_folder)
    n = task.batches("train", 4)
    assert [k for k in range(n) if task.batch("train", 4, 0, k).mask is not None] in ([], [n - 1])


def test_the_baseline_is_the_perplexity_of_the_word_frequencies(ptb_folder):
    task = PtbWord(data_dir=ptb_folder)
    words = [w for line in read_ptb(ptb_folder)["train"][1] for w in (*line.split(), "<eos>")]
    nats = [-np.log(words.count(w) / len(words)) for w in words]
    assert task.baseline()["loss"] == pytest.approx(np.mean(nats))
    assert task.baseline()["perplexity"] == pytest.approx(np.exp(np.mean(nats)))


def test_words_the_training_text_lacks_are_read_as_unk_and_reported(ptb_folder, tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"ptb.{name}.txt").write_text((ptb_folder / f"ptb.{name}.txt").read_text())
    (tmp_path / "ptb.test.txt").write_text("the zebra said\n")
    task = PtbWord(data_dir=tmp_path)
    assert "1 words of ptb.test.txt are read as <unk>" in task.describe()
    assert task.vocabulary.decode(task.batch("test", 1, 0, 0).y[:, 0]) == "the <unk> said\n"


@REAL
def test_the_real_text_has_the_published_counts():
    task = PtbWord()
    assert task.n_in == task.n_out == 10_000
    assert [len(task.ids[split]) - 1 for split in ("train", "valid", "test")] == [929_589, 73_760, 82_430]
    assert task.vocabulary.symbols[:3] == ("the", "<unk>", "<eos>")
    assert (task.batches("train", 20), PtbWord(150).batches("train", 20)) == (1_328, 310)
    assert task.baseline()["perplexity"] == pytest.approx(684.94, abs=0.01)
    assert task.vocabulary.decode(task.batch("train", 20, 0, 0).x[:5, 0]) == "\naer banknote berlitz calloway"
