"""Runs the command line in this process and keeps what it printed."""

from __future__ import annotations

import shutil
from contextlib import chdir
from typing import NamedTuple

import pytest

from minirnn.cli import _run
from minirnn.tasks.recall import Recall


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def minirnn(capsys, tmp_path, monkeypatch):
    """minirnn("run", "recall", ...) -> Result, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIRNN_BACKEND", raising=False)

    def call(*words: object) -> Result:
        capsys.readouterr()
        code = _run([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """once(fill): a folder with what fill(command) leaves in it, made once for a file's tests; command("run", ..)."""
    made = {}

    def command(*words: object) -> None:
        assert _run([str(word) for word in words]) == 0, words

    def folder(fill):
        if fill not in made:
            made[fill] = tmp_path_factory.mktemp(fill.__name__)
            with chdir(made[fill]):
                fill(command)
        return made[fill]

    return folder


@pytest.fixture
def copied(once, minirnn, tmp_path):
    """copied(fill): `minirnn`, in a folder with a copy of what `once` made."""

    def copy(fill):
        shutil.copytree(once(fill), tmp_path, dirs_exist_ok=True)
        return minirnn

    return copy


@pytest.fixture
def few_examples(monkeypatch):
    """Validation and test of `recall` with 200 sequences, not 2,000, in this process: most of a short run's time."""
    monkeypatch.setattr(Recall, "evaluation_size", 200)


@pytest.fixture
def contents():
    """{relative path: bytes} of a folder, but for its lock: to show that nothing changed."""
    return lambda folder: {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"
    }
