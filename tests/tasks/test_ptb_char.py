"""PTB characters: batches against the sentences themselves, the order of a pass, the baseline by counting."""

import itertools
import os
from collections import Counter

import numpy as np
import pytest

from minirnn.errors import UsageError
from minirnn.tasks.ptb_char import PtbChar
from minirnn.text import read_ptb

REAL = pytest.mark.skipif(not os.environ.get("MINIRNN_DATA"), reason="MINIRNN_DATA names no folder with the real PTB")


def _sentences(task, batch):
    """What each column reads and is asked for, as text."""
    for b in range(batch.x.shape[1]):
        asked = batch.mask[:, b]
        assert asked.tolist() == sorted(asked.tolist(), reverse=True)           # padded on the right
        yield task.vocabulary.decode(batch.x[asked, b]), task.vocabulary.decode(batch.y[asked, b])


def _pass(task, split, batch_size, seed, epoch):
    n = task.batches(split, batch_size)
    return [task.batch(split, batch_size, seed, epoch * n + k) for k in range(n)]


@pytest.mark.parametrize("end", [False, True])
def test_the_target_is_the_next_character_of_the_same_sentence(ptb_folder, end):
    task = PtbChar(30, end, ptb_folder)
    files = read_ptb(ptb_folder)
    for split in ("train", "valid", "test"):
        found = []
        for batch in _pass(task, split, 1, 0, 0):
            for read, asked in _sentences(task, batch):
                assert asked[:-1] == read[1:]
                found.append(read[0] + asked)
        assert sorted(found) == sorted(line + "\n" * end for line in files[split][1] if 2 - end <= len(line) <= 30)


def test_padding_is_masked_and_harmless(ptb_folder):
    batch = PtbChar(data_dir=ptb_folder).batch("train", 8, 0, 2)
    assert not batch.x[~batch.mask].any()
    assert not batch.y[~batch.mask].any()
    assert batch.mask[-1].any()                     # no longer than the longest
    assert batch.mask[0].all()


def test_a_pass_shows_every_sentence_once_and_leaves_out_a_random_rest(ptb_folder):
    task = PtbChar(300, data_dir=ptb_folder)
    lines = Counter(read_ptb(ptb_folder)["train"][1])
    left_out = []
    for epoch in range(3):
        seen = Counter(r[0] + a for batch in _pass(task, "train", 7, 0, epoch) for r, a in _sentences(task, batch))
        assert not seen - lines
        left_out.append(lines - seen)
        assert sum(left_out[-1].values()) == sum(lines.values()) % 7 + sum(n for s, n in lines.items() if len(s) < 2)
    assert left_out[0] != left_out[1] != left_out[2]


def test_passes_and_seeds_have_their_own_orders_and_evaluation_has_one(ptb_folder):
    task = PtbChar(300, data_dir=ptb_folder)
    orders = {b"".join(b.x.tobytes() for b in _pass(task, "train", 9, seed, e)) for seed in (0, 1) for e in (0, 1)}
    assert len(orders) == 4
    valid = [b"".join(b.x.tobytes() for b in _pass(task, "valid", 9, seed, 0)) for seed in (0, 1)]
    assert valid[0] == valid[1]


def test_sentences_of_a_batch_have_nearly_one_length(ptb_folder):
    task = PtbChar(300, data_dir=ptb_folder)
    batches = _pass(task, "train", 10, 0, 0)
    assert np.mean([b.mask.mean() for b in batches]) > 0.8      # of 90 sentences; of the real 10,603 it is 0.99
    widths = [len(b.x) for b in batches]
    assert widths != sorted(widths)                 # but the batches come shuffled


def test_the_baseline_is_the_best_guess_from_the_character_just_read(ptb_folder):
    task = PtbChar(60, data_dir=ptb_folder)
    pairs = Counter()
    for line in read_ptb(ptb_folder)["train"][1]:
        if 2 <= len(line) <= 60:
            pairs.update(itertools.pairwise(line))
    given = Counter()
    for (c, _), n in pairs.items():
        given[c] += n
    total = sum(pairs.values())
    loss = -sum(n * np.log(n / given[c]) for (c, _), n in pairs.items()) / total
    right = sum(max(n for (a, _), n in pairs.items() if a == c) for c in given) / total
    wanted = {"loss": loss, "accuracy": right, "bpc": loss / np.log(2)}
    assert task.baseline() == {name: pytest.approx(value) for name, value in wanted.items()}


def test_a_length_that_keeps_nothing_is_refused(ptb_folder):
    with pytest.raises(UsageError, match=r"max_length must be a whole number from 2"):
        PtbChar(1, data_dir=ptb_folder)


def test_a_text_without_short_sentences_says_so(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"ptb.{name}.txt").write_text("one long line\n")
    with pytest.raises(UsageError, match=r"no sentence of .*ptb.train.txt has 2 to 5 characters; raise max_length"):
        PtbChar(5, data_dir=tmp_path)


@REAL
@pytest.mark.parametrize(
    ("max_length", "sentences", "share", "bpc"), [(75, 10_603, "25.2 %", 3.336), (300, 41_827, "99.4 %", 3.356)]
)
def test_the_real_text_has_49_characters_and_keeps_the_published_shares(max_length, sentences, share, bpc):
    task = PtbChar(max_length)
    assert task.n_in == task.n_out == 49
    assert "".join(task.vocabulary.symbols) == " #$&'*-./0123456789<>N\\abcdefghijklmnopqrstuvwxyz"
    assert f"train {sentences:,} of 42,068 sentences ({share}" in task.describe()
    assert task.baseline()["bpc"] == pytest.approx(bpc, abs=5e-4)
    batches = [task.batch("train", 50, 0, k) for k in range(40)]
    assert np.mean([b.mask.mean() for b in batches]) > 0.98
