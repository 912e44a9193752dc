"""minirnn sweep: what it lists, refuses, runs and prints."""

import csv
import errno
import json
import os
import socket
import sys
import tomllib
from contextlib import suppress

import pytest

pytest.importorskip("distributed", reason="sweeps need the extra minirnn[sweep]")

from distributed import KilledWorker
from small_sweep import text

from minirnn.errors import RunFailed
from minirnn.sweeps import Ledger, Sweep, engine, plan
from minirnn.sweeps.engine import cluster, sole
from minirnn.sweeps.ledger import written

RELU = {"activation": "relu"}
FILE = text(model=RELU, cases={"good": {}, "bad": {"optimizer": {"lr": 1e30}}})


@pytest.fixture
def grid(tmp_path):
    (tmp_path / "grid.toml").write_text(FILE)
    return tmp_path / "grid.toml"


def test_a_dry_run_lists_the_runs_and_writes_nothing(minirnn, grid, tmp_path):
    result = minirnn("sweep", "grid.toml", "--dry-run")
    assert result.code == 0
    lines = result.out.splitlines()
    assert [line.split(None, 2)[1:] for line in lines[:-1]] == [
        ["waiting", f"{case}, seed {seed}"] for case in ("good", "bad") for seed in (0, 1)
    ]
    assert lines[-1] == "4 runs"
    assert json.loads(minirnn("sweep", "grid.toml", "--dry-run", "--json").out)["count"] == 4
    assert list(tmp_path.iterdir()) == [grid]


def test_a_failing_run_does_not_stop_the_others_and_is_said_in_the_end(minirnn, grid, tmp_path):
    result = minirnn("sweep", "grid.toml", "--json", "--workers", 2)
    assert result.code == 1
    assert result.err.count("failed  bad, seed 0: step 2: the loss is not finite") == 1
    assert result.err.splitlines()[-1].startswith("Error: 2 of 4 runs failed")
    printed = json.loads(result.out)
    assert [row["status"] for row in printed["runs"]] == ["finished", "finished", "failed", "failed"]
    with open(tmp_path / "sweeps/grid/results.csv", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [row["id"] for row in printed["runs"]]
    assert (tmp_path / "sweeps/grid/sweep.toml").read_text() == FILE
    again = minirnn("sweep", "grid.toml", "--json")                 # nothing is left to run, and dask is not started
    assert again.code == 1
    assert json.loads(again.out) == printed
    grid.write_text(text(model=RELU, cases={"good": {}}, grid={"run.seed": [0]}))
    fewer = minirnn("sweep", "grid.toml")
    assert fewer.code == 0
    assert "accuracy" in fewer.out


def test_two_sweeps_on_one_folder_at_once_are_refused(minirnn, grid, tmp_path):
    (tmp_path / "sweeps/grid/ledger").mkdir(parents=True)
    (tmp_path / "sweeps/grid/sweep.toml").write_text("of the first")
    with sole(tmp_path / "sweeps/grid"):
        result = minirnn("sweep", "grid.toml")
    assert result.code == 2
    assert "another sweep is at work in" in result.err
    assert list((tmp_path / "sweeps/grid/runs").iterdir()) == []
    assert (tmp_path / "sweeps/grid/sweep.toml").read_text() == "of the first"


def test_two_sweeps_at_once_do_not_mind_each_other():
    with socket.socket() as other:
        with suppress(OSError):                                     # where another scheduler is there already
            other.bind(("0.0.0.0", 8787))
            other.listen()
        with cluster("", 1) as client:                              # a warning would be an error
            assert sum(client.nthreads().values()) == 1             # as many workers as were asked for


def test_without_its_extra_a_sweep_is_refused_before_it_writes(minirnn, grid, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    for module in ("engine", "work"):
        monkeypatch.delitem(sys.modules, f"minirnn.sweeps.{module}", raising=False)
        monkeypatch.delattr(f"minirnn.sweeps.{module}", raising=False)
    result = minirnn("sweep", "grid.toml")
    assert result.code == 2
    assert "pip install 'minirnn[sweep]'" in result.err
    assert list(tmp_path.iterdir()) == [grid]
    assert minirnn("sweep", "grid.toml", "--dry-run").code == 0


def test_a_run_that_kills_every_worker_is_recorded_as_failed(tmp_path):
    class Lost:
        """A future of dask whose workers all died."""

        def cancelled(self):
            return False

        def exception(self):
            return KilledWorker("a", None, 3)

    ledger, (job, *_) = Ledger(tmp_path), plan(Sweep.of(tomllib.loads(FILE), "grid.toml"))
    ledger.create()
    entry = engine._outcome(tmp_path, job, Lost())
    assert ledger.read(job.id)["error"] == entry["error"]
    assert "its worker died each time that it was tried (KilledWorker)" in entry["error"]


def test_a_ledger_that_cannot_be_written_is_not_blamed_on_the_worker(tmp_path):
    class Refused:
        """A future of dask whose worker could not write."""

        def cancelled(self):
            return False

        def exception(self):
            try:
                with written(tmp_path):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except RunFailed as error:
                return error

    ledger, (job, *_) = Ledger(tmp_path), plan(Sweep.of(tomllib.loads(FILE), "grid.toml"))
    ledger.create()
    with pytest.raises(RunFailed, match=r"could not be written \(No space left on device\); .* the same command again"):
        engine._outcome(tmp_path, job, Refused())
    assert ledger.read(job.id) is None


MISTAKES = {
    "missing file": ("sweep", "none.toml"),
    "no toml": ("sweep", "broken.toml"),
    "foreign folder": ("sweep", "grid.toml", "--dir", "foreign"),
    "folder in a file": ("sweep", "grid.toml", "--dir", "grid.toml/a"),
    "unknown backend": ("sweep", "grid.toml", "--backend", "cuda"),
    "no worker": ("sweep", "grid.toml", "--workers", 0),
}


@pytest.mark.parametrize("words", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_exit_code_2_and_no_file(minirnn, grid, tmp_path, contents, words):
    (tmp_path / "broken.toml").write_text("[grid")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/thesis.tex").write_text("mine")
    before = contents(tmp_path)
    result = minirnn(*words)
    assert (result.code, "Traceback" in result.err, result.out) == (2, False, "")
    assert contents(tmp_path) == before


def test_a_scheduler_that_does_not_answer_is_said(minirnn, grid, monkeypatch):
    monkeypatch.setattr("minirnn.sweeps.engine.PATIENCE", 1)
    result = minirnn("sweep", "grid.toml", "--scheduler", "tcp://127.0.0.1:1")
    assert result.code == 2
    assert "no scheduler answers at tcp://127.0.0.1:1" in result.err
