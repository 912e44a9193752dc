"""No command line ends in a traceback, or not at all; a mistake is told in a sentence and costs no file."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_lines import Ended, call, draw
from promises import cases

from minirnn.cli import gradcheck

CODES = (0, 1, 2, 3, 130)
LINES = 25      # per test


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with a run "a", a folder "broken" that resembles one, one that is empty, and a file."""
    root, before = tmp_path_factory.mktemp("lines"), Path.cwd()
    os.chdir(root)
    (root / "file").write_text("mine")
    (root / "empty").mkdir()
    (root / "broken").mkdir()
    (root / "broken" / "config.toml").write_text("[task")
    (root / "broken" / "metrics.jsonl").write_text("{")
    made = call(["run", "recall", "--length", "4", "--hidden-size", "3", "--steps", "4", "--batch-size", "100", "--set",
                 "train.evaluate_every=2", "--dir", "a", "--quiet"])
    assert made.code == 0, made
    yield root
    os.chdir(before)


def good_end(ended: Ended) -> None:
    assert not ended.trace
    assert "Traceback" not in ended.err
    assert ended.code in CODES
    if ended.code in (1, 2, 3):
        assert "Error: " in ended.err
        assert ended.err.rpartition("Error: ")[2].strip()


def contents(root):
    kept = (p for name in ("a", "broken", "file") for p in [root / name, *(root / name).glob("*")])
    return {p: p.read_bytes() for p in kept if p.is_file() and p.name != ".lock"}


@pytest.mark.promise("command-lines")
@pytest.mark.parametrize("number", cases(20, short=1))
def test_no_command_line_ends_in_a_traceback_or_hangs(folder, monkeypatch, number, tried):
    monkeypatch.chdir(folder)
    for name in ("MINIRNN_DATA", "MINIRNN_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    for seed in range(number * LINES, (number + 1) * LINES):
        words, before = draw(np.random.default_rng(seed)), contents(folder)
        ended = call(words)
        try:
            good_end(ended)
            if ended.code == 2:
                assert contents(folder) == before
        except AssertionError:
            pytest.fail(f"seed {seed}: {[word[:80] for word in words]}: {ended}")
    tried(LINES)


BYTES = {
    "a folder that is not text": [b"evaluate", b"\xff"],
    "a task that is not text": [b"run", b"\xff\xfe"],
    "an output that is not text": [b"report", b"a", b"--out", b"\xe9.html"],
    "a name that is too long": [b"run", b"recall", b"--dir", b"a" * 5000],
    "letters that the output lacks": [b"errata", b"1"],
}


@pytest.mark.promise("command-lines")
@pytest.mark.parametrize("name", [k if "letters" in k else pytest.param(k, marks=pytest.mark.many) for k in BYTES])
@pytest.mark.parametrize("encoding", ["ascii", pytest.param("utf-8", marks=pytest.mark.many)])
def test_words_that_are_no_text_are_told_as_they_are(folder, name, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONWARNINGS": "default"}
    done = subprocess.run([sys.executable, "-m", "minirnn", *BYTES[name]], cwd=folder, env=environment,
                          capture_output=True, timeout=120)
    good_end(Ended(done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1"), ""))


@pytest.mark.promise("command-lines")
@pytest.mark.parametrize("words", [
    ["gradcheck", "--seed", "-1", "identity"], ["gradcheck", "--size", "1000", "gru"], ["demo", "--seed", "-1"],
    ["gradcheck", "--size", "0", "gru"], ["run", "recall", "--seed", "9" * 400],
    ["run", "recall", "--lr", "1" + "0" * 400],
    ["run", "recall", "--set", "a." * 4000 + "b=1"], ["run", "recall", "--set", "task=3", "--set", "task.x.y=1"],
    ["run", "recall", "--set", "run.name=x"], ["run", "recall", "--layers", "1" + "0" * 12],
    ["run", "recall", "--hidden-size", "1" + "0" * 12], ["run", "recall", "--batch-size", "1" + "0" * 12],
    ["run", "recall", "--set", "optimizer.options=3", "--set", "optimizer.options.rho=1"],
], ids=lambda words: " ".join(words)[:50])
def test_a_value_out_of_all_proportion_is_refused_at_once(folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    ended = call(words)
    good_end(ended)
    assert ended.code == 2
    assert sorted(folder.rglob("*")) == before


# -- planted violations


@pytest.mark.control("command-lines")
def test_a_command_that_lets_an_error_out_is_caught(folder, monkeypatch):
    def crash(*_, **__):
        raise KeyError("step")

    monkeypatch.setattr(gradcheck.gradcheck, "check_all", crash)
    with pytest.raises(AssertionError):
        good_end(call(["gradcheck", "lstm"]))
