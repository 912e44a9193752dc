"""A file of the user's own is executed by one command alone, which says so first; downloads are checked first."""

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mirror import Mirror
from promises import cases

from minirnn import download
from minirnn.cli.gradcheck import command
from minirnn.datasets import SETS, File
from minirnn.errors import UsageError

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "checking-your-own.md"
CELL = "import sys\nprint('RUNNING', file=sys.stderr, flush=True)\n"


def warned(folder, words=("-m", "minirnn")):
    """Check a file, and see that it was said before it was done."""
    (folder / "mine.py").write_text(CELL)
    line = [sys.executable, *words, "gradcheck", "mine.py"]
    said = subprocess.run(line, cwd=folder, capture_output=True, text=True).stderr
    assert "RUNNING" in said
    assert "mine.py is executed" in said.partition("RUNNING")[0]


@pytest.mark.promise("says-executes")
def test_the_check_of_a_file_says_that_it_executes_it_before_it_does(tmp_path):
    warned(tmp_path)


@pytest.mark.promise("says-executes")
def test_help_and_guide_say_it_too(tried):
    assert "WHICH IS EXECUTED" in " ".join((command.help or "").split())
    assert "**The command executes the file**" in GUIDE.read_text(encoding="utf-8")
    tried(2)


@pytest.mark.control("says-executes")
def test_a_silent_check_is_noticed(tmp_path):
    silent = ("-c", "import click; from minirnn.cli import main; click.echo = lambda *_, **__: None; main()")
    with pytest.raises(AssertionError):
        warned(tmp_path, silent)


# -- downloads ---------------------------------------------------------------------------------------------------------

GOOD = {"a.gz": "the official file " * 40, "b.gz": "the other one " * 30}


@pytest.fixture
def official(monkeypatch):
    """A data set of these two files."""
    known = []
    for name, text in GOOD.items():
        digest = hashlib.sha256(text.encode()).hexdigest()
        known.append(File(name, len(text), digest, digest, 0))
    monkeypatch.setitem(SETS, "mnist", replace(SETS["mnist"], files=tuple(known), count=lambda path: 0))


def damaged(rng):
    """The files with a byte changed, left out or put in, in one of them."""
    name = list(GOOD)[rng.integers(2)]
    text, k = GOOD[name], int(rng.integers(len(GOOD[name])))
    changed = (text[:k] + "#" + text[k + 1 :], text[:k], text[:k] + "#" + text[k:], text + "#", "")[rng.integers(5)]
    return name, {**GOOD, name: changed}


def assert_refused(folder, rng):
    folder.mkdir()
    (folder / "a.gz").write_text("mine")
    name, files = damaged(rng)
    with Mirror(files) as address, pytest.raises(UsageError, match=f"{name} could not be fetched"):
        download.fetch("mnist", folder, [address], replace=True)
    there = {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}
    assert all(there[key] in (GOOD[key], "mine" if key == "a.gz" else GOOD[key]) for key in there)


@pytest.mark.promise("checked-first")
@pytest.mark.usefixtures("official")
@pytest.mark.parametrize("seed", cases(40, short=5))
def test_a_file_with_another_digest_never_takes_its_place(tmp_path, seed):
    assert_refused(tmp_path / "x", np.random.default_rng(seed))


@pytest.mark.control("checked-first")
@pytest.mark.usefixtures("official")
def test_a_download_that_is_believed_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(download.Part, "good", lambda self: True)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        assert_refused(tmp_path / "x", np.random.default_rng(0))
