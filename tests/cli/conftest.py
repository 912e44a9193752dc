"""Runs the command line in this process and keeps what it printed."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from minirnn.cli import _run


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


@pytest.fixture
def contents():
    """{relative path: bytes} of a folder, but for its lock: to show that nothing changed."""
    return lambda folder: {
        str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"
    }
