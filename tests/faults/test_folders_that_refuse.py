"""Folders that cannot be written, outputs that take nothing, runs that a kill left: a sentence, and nothing changed."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from killing import KILLED, RUN, said
from mirror import NEW, Mirror
from promises import cases, some

pytest.importorskip("distributed", reason="sweeps need the extra minirnn[sweep]")
pytest.importorskip("jinja2", reason="reports need the extra minirnn[report]")
pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

GRID = '[task]\nname = "recall"\n[grid]\n"run.seed" = [0]\n'
WRITING = {
    "a new run": ("run", "recall", "--dir", "ro/new"),
    "a run there": ("run", "recall", "--dir", "ro/empty"),
    "resuming": ("run", "--resume", "ro/a", "--steps", 30),
    "a sweep": ("sweep", "grid.toml", "--dir", "ro/s"),
    "a report": ("report", "ro/a"),
    "a report below": ("report", "ro/a", "--out", "ro/new/x.html"),
    "a target": ("reproduce", "chu-recall-20", "--dir", "ro/r"),
    "a picture": ("plot", "ro/a"),
    "a figure": ("plot", "ro/a", "--out", "ro/x.svg"),
    "the demo": ("demo", "--dir", "ro/demo"),
}
PRINTING = (("list", "models"), ("explain", "lstm"), ("data", "list"), ("gradcheck", "relu"), ("--help",))
READING = (("evaluate", "a"), ("inspect", "a", "--only", "spectrum"), ("plot", "a"), ("report", "a"))
IMPORTED = ("minirnn.report", "minirnn.figures.curves", "minirnn.sweeps.engine", "minirnn.cli.inspect",
            "minirnn.cli.evaluate", "minirnn.cli.plot", "minirnn.cli.report", "minirnn.download", "requests",
            "jinja2", "minirnn.diagnostics.spectrum", "matplotlib.backends.backend_agg")


@pytest.fixture(scope="module")
def here(nursery, tmp_path_factory):
    """A folder with a run in ro/a that ended, and nothing may be written into ro."""
    here = tmp_path_factory.mktemp("here")
    (here / "ro/empty").mkdir(parents=True)
    (here / "grid.toml").write_text(GRID)
    assert nursery.run(here, *RUN[:-1], "ro/a", plant=["plain"]) == 0
    protect(here / "ro", True)
    yield here
    protect(here / "ro", False)


def protect(folder, on):
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode & ~0o222 if on else mode | stat.S_IWUSR)


def content(folder):
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def assert_said(here, code, codes):
    text = said(here)
    assert code in codes, f"exit code {code}: {text}"
    assert "Traceback" not in text
    errors = [line for line in text.splitlines() if line.startswith(("Error:", "Usage:"))]
    assert len(errors) == (code != 0), text


def refused(nursery, here, words, plant=()):
    before = content(here / "ro")
    code = nursery.run(here, *words, powerless=True, plant=plant)
    assert_said(here, code, {2})
    assert content(here / "ro") == before


@pytest.mark.promise("read-only")
@pytest.mark.parametrize("what", some(WRITING, short=4))
def test_a_folder_that_cannot_be_written_is_named_in_a_sentence(nursery, here, what):
    refused(nursery, here, WRITING[what])


@pytest.mark.promise("read-only")
def test_a_data_folder_that_cannot_be_written_is_named_in_a_sentence(nursery, here):
    with Mirror(NEW) as address:
        refused(nursery, here, ("data", "fetch", "mnist", "--mirror", address, "--data-dir", "ro/d"))


@pytest.mark.promise("read-only")
def test_what_only_reads_needs_no_right_to_write(nursery, here, tried):
    before = content(here / "ro")
    for words in (("evaluate", "ro/a"), ("inspect", "ro/a", "--only", "spectrum"), ("plot", "ro/a", "--out", "x.png")):
        assert_said(here, nursery.run(here, *words, powerless=True), {0})
        tried(1)
    assert content(here / "ro") == before


@pytest.mark.control("read-only")
def test_an_error_that_is_not_said_is_noticed(nursery, here):
    with pytest.raises(AssertionError):
        refused(nursery, here, WRITING["the demo"], ["blunt"])


def printed(words, plant=""):
    """(exit code, stderr) of a command whose output takes nothing."""
    line = [sys.executable, "-c", f"{plant}; from minirnn import cli; cli.main()", *words]
    with open("/dev/full", "w") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr


def assert_cannot_print(words, plant="0"):
    code, text = printed(words, plant)
    assert (code, text.count("\n")) == (2, 1), text
    assert "cannot use the output (No space left on device)" in text


@pytest.mark.promise("output-full")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", some(PRINTING, short=1))
def test_an_output_that_takes_nothing_is_a_sentence(words):
    assert_cannot_print(words)


@pytest.mark.control("output-full")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_traceback_instead_is_noticed():
    plant = "from minirnn import cli; cli._unusable = lambda error: exec('raise error', {'error': error})"
    with pytest.raises(AssertionError, match="Traceback"):
        assert_cannot_print(PRINTING[0], plant)


@pytest.mark.promise("readers")
@pytest.mark.parametrize("seed", cases(8, short=1))
def test_what_a_kill_left_is_read_or_refused_with_a_sentence(nursery, tmp_path, tried, seed):
    within = ("minirnn.runs:Run.create", "minirnn.runs:Run._next")
    moments = nursery.moments(tmp_path, *RUN[:-1], "whole", within=within, plant=["plain"])
    at = int(np.random.default_rng(seed).integers(1, moments // (1 if seed % 2 else 10)))
    assert nursery.run(tmp_path, *RUN, within=within, at=at, plant=["plain"]) == KILLED
    for words in READING:
        assert_said(tmp_path, nursery.run(tmp_path, *words, plant=["bare"]), {0, 2})
    tried(len(READING))


@pytest.mark.control("readers")
def test_a_reader_that_believes_a_damaged_file_is_noticed(nursery, tmp_path):
    assert nursery.run(tmp_path, *RUN, plant=["plain"]) == 0
    for name in ("checkpoint.npz", "best.npz"):
        (tmp_path / "a" / name).write_bytes((tmp_path / "a" / name).read_bytes()[:-50])
    for words in READING[:2]:
        assert_said(tmp_path, nursery.run(tmp_path, *words), {2})
        with pytest.raises(AssertionError):
            assert_said(tmp_path, nursery.run(tmp_path, *words, plant=["unguarded"]), {2})
