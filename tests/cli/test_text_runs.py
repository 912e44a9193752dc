"""Runs on text: resumed bit for bit, measured in bits and perplexity, and refused where the text is not the run's."""

import gzip
import json

import numpy as np
import pytest
from sentences import write

from minirnn import checkpoint
from minirnn.runs import read_metrics

SHORT = ("--quiet", "--model", "lstm", "--hidden-size", 6, "--batch-size", 3)


@pytest.fixture
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ptb")
    write(folder)
    return folder


def same(a, b):
    one, other = (checkpoint.load(folder / "checkpoint.npz")[0] for folder in (a, b))
    assert one.keys() == other.keys()
    return [name for name in one if not np.array_equal(one[name], other[name])]


@pytest.mark.parametrize("halfway", [3, 10, 11, 12])
def test_a_stateful_run_resumes_bit_for_bit_within_a_pass_and_at_its_end(minirnn, tmp_path, text, halfway):
    options = (*SHORT, "--window", 4, "--embedding-size", 5, "--data-dir", text)      # 132 words: 11 windows a pass
    assert minirnn("run", "ptb-word", *options, "--steps", 25, "--dir", "whole").code == 0
    assert minirnn("run", "ptb-word", *options, "--steps", halfway, "--dir", "parts").code == 0
    assert minirnn("run", "--resume", "parts", "--steps", 25, "--quiet").code == 0
    assert same(tmp_path / "whole", tmp_path / "parts") == []
    assert any(name.startswith("state/") for name in checkpoint.load(tmp_path / "whole/checkpoint.npz")[0])


def test_masked_sentences_resume_bit_for_bit(minirnn, tmp_path, text):
    options = (*SHORT, "--max-length", 22, "--data-dir", text)
    assert minirnn("run", "ptb-char", *options, "--steps", 14, "--dir", "whole").code == 0
    assert minirnn("run", "ptb-char", *options, "--steps", 5, "--dir", "parts").code == 0
    assert minirnn("run", "--resume", "parts", "--steps", 14, "--quiet").code == 0
    assert same(tmp_path / "whole", tmp_path / "parts") == []


@pytest.mark.parametrize(
    ("task", "measure", "of"), [("ptb-word", "perplexity", np.exp), ("ptb-char", "bpc", lambda nats: nats / np.log(2))]
)
def test_the_measure_of_a_text_is_that_of_its_mean_loss(minirnn, tmp_path, text, task, measure, of):
    options = (*SHORT, "--embedding-size", 5, "--steps", 4, "--data-dir", text)
    result = minirnn("run", task, *options, "--dir", "a", "--json")
    found = json.loads(result.out)
    for split in ("valid", "test"):
        assert found[split][measure] == pytest.approx(of(found[split]["loss"]))
    assert found["baseline"][measure] == pytest.approx(of(found["baseline"]["loss"]))
    assert measure in read_metrics(tmp_path / "a")[-1]


def test_a_run_says_what_of_the_text_it_uses(minirnn, text):
    options = ("--max-length", 20, "--steps", 1, "--data-dir", text)
    assert "Sentences of at most 20" not in minirnn("run", "ptb-char", *SHORT, *options, "--dir", "a").err
    said = minirnn("run", "ptb-char", *SHORT[1:], *options, "--dir", "b").err
    assert "train 15 of 25 sentences (60.0 %, 48.9 % of the characters)" in said


@pytest.mark.parametrize("task", ["ptb-word", "ptb-char"])
def test_another_text_than_that_of_the_run_is_refused_and_the_run_left_alone(minirnn, tmp_path, contents, text, task):
    minirnn("run", task, *SHORT, "--embedding-size", 5, "--steps", 2, "--data-dir", text, "--dir", "a")
    path = text / "ptb.train.txt"
    path.write_text(path.read_text().replace("mat", "zoo"))             # as many words; other letters
    before = contents(tmp_path)
    result = minirnn("run", "--resume", "a", "--steps", 4)
    assert result.code == 2
    assert "a was trained with another vocabulary" in result.err or "lacks" in result.err
    assert contents(tmp_path) == before


def test_a_vocabulary_of_the_same_size_in_another_order_is_refused(minirnn, text):
    minirnn("run", "ptb-word", *SHORT, "--embedding-size", 5, "--steps", 2, "--data-dir", text, "--dir", "a")
    path = text / "ptb.train.txt"
    path.write_text(path.read_text() + "red\n" * 40)                    # the same words, red the most frequent
    result = minirnn("run", "--resume", "a", "--steps", 4)
    assert result.code == 2
    assert "a was trained with another vocabulary" in result.err
    assert "--data-dir" in result.err


def test_windows_line_ends_are_the_same_text(minirnn, tmp_path, text):
    options = (*SHORT, "--embedding-size", 5, "--steps", 3, "--data-dir", text)
    minirnn("run", "ptb-word", *options, "--dir", "unix")
    for path in text.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert minirnn("run", "ptb-word", *options, "--dir", "windows").code == 0
    assert same(tmp_path / "unix", tmp_path / "windows") == []


@pytest.mark.parametrize("task", ["ptb-word", "ptb-char"])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "holds no text"), (b"\n \r\n", "holds no text"), ("caf\u00e9".encode("latin-1"), "is not UTF-8 text"),
     (gzip.compress(b"the cat sat" * 99)[:30], "gzip data ends too early")],
    ids=["empty", "blank", "wrong encoding", "truncated gzip"],
)
def test_a_bad_text_is_one_sentence_with_its_path(minirnn, tmp_path, text, task, content, sentence):
    (text / "ptb.valid.txt").write_bytes(content)
    result = minirnn("run", task, *SHORT, "--data-dir", text, "--dir", "a")
    assert result.code == 2
    assert "ptb.valid.txt" in result.err
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_text_is_told_where_to_go(minirnn, tmp_path):
    result = minirnn("run", "ptb-word", "--data-dir", tmp_path)
    assert result.code == 2
    assert "ptb.train.txt, ptb.valid.txt, ptb.test.txt" in result.err
    assert "need no data" in result.err
