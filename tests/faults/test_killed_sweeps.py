"""The bookkeeping of a sweep, killed at moments drawn from a seed: nothing lost, nothing run twice."""

import csv
import json
import shutil

import numpy as np
import pytest
from killing import KILLED, assert_equal, assert_whole, said, timeless
from promises import cases, noticed
from small_sweep import text

FILE = text(train={"steps": 10, "log_every": 5, "evaluate_every": 5})
WITHIN = ("minirnn.sweeps.ledger:Ledger.write", "minirnn.sweeps.results:write", "minirnn.sweeps.work:_starts",
          "minirnn.runs:Run.log_tests", "minirnn.runs:Run._write_config")
EACH = 5
IMPORTED = ("minirnn.sweeps.work", "minirnn.sweeps.results")


@pytest.fixture(scope="module")
def reference(nursery, tmp_path_factory):
    """(folder of an undisturbed sweep, its moments)"""
    here = tmp_path_factory.mktemp("whole")
    (here / "grid.toml").write_text(FILE)
    moments = nursery.moments(here, here / "s", "grid.toml", call="sweep", within=WITHIN)
    return here / "s", moments


def entries(folder):
    found = {path.stem: json.loads(path.read_text()) for path in (folder / "ledger").glob("*.json")}
    return {key: timeless({**entry, "starts": 0}) for key, entry in found.items()}


def table(folder):
    """The rows of results.csv, without what the clock and the number of starts say."""
    with open(folder / "results.csv", newline="") as file:
        return [{**timeless(row), "starts": ""} for row in csv.DictReader(file)]


def lives(nursery, here, reference, seed, plant=()):
    whole, moments = reference
    rng, folder = np.random.default_rng(seed), here / "s"
    (here / "grid.toml").write_text(FILE)
    wanted, rows, kills = entries(whole), table(whole), 0
    while True:
        before = {path: path.read_bytes() for path in (folder / "ledger").glob("*.json")}
        at = {"at": int(rng.integers(1, moments))} if kills < EACH else {}
        code = nursery.run(here, folder, "grid.toml", call="sweep", within=WITHIN, plant=plant, **at)
        assert code in (0, KILLED), said(here)
        kills += code == KILLED
        found = entries(folder)
        assert found == {key: wanted[key] for key in found}
        assert all(path.read_bytes() == content for path, content in before.items()), "an entry was written again"
        if (folder / "results.csv").exists():
            for row, complete in zip(table(folder), rows, strict=True):
                assert row == complete or row["status"] == "waiting"
        for run in (folder / "runs").glob("*"):
            assert_whole(run, whole / "runs" / run.name)
        if code == 0:
            assert found == wanted
            assert table(folder) == rows
            assert not list((folder / "ledger").glob(".*.part"))
            for run in (whole / "runs").iterdir():
                assert_equal(folder / "runs" / run.name, run)
            if kills == EACH:
                return kills
            shutil.rmtree(folder)                                   # ended before its moment: another sweep


@pytest.mark.promise("kill-ledger")
@pytest.mark.parametrize("seed", cases(6, short=1))
def test_killed_in_its_bookkeeping_a_sweep_loses_nothing(nursery, reference, tmp_path, tried, seed):
    tried(lives(nursery, tmp_path, reference, seed))


@pytest.mark.control("kill-ledger")
def test_a_ledger_that_is_written_in_place_is_noticed(nursery, reference, tmp_path):
    def check(seed):
        (tmp_path / str(seed)).mkdir()
        lives(nursery, tmp_path / str(seed), reference, seed, ["in_place"])

    assert noticed(check)
