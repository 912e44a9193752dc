"""One run of a sweep: begun, gone on with, tested, recorded, and never made twice."""

import json
import shutil

import pytest
from small_sweep import tables

from minirnn.runs import Run, read_metrics
from minirnn.sweeps import Ledger, Sweep, plan
from minirnn.sweeps.results import rows, write
from minirnn.sweeps.work import STOP, STOPPED, execute


@pytest.fixture
def jobs(tmp_path):
    Ledger(tmp_path).create()
    (tmp_path / "runs").mkdir()
    return plan(Sweep.of(tables(train={"evaluate_every": 5, "log_every": 5}), "x"))


def silent(report):
    pass


def stop_at(step, folder, monkeypatch):
    """Let a run be killed after an update, as far as its files can tell."""
    train = Run.train

    def cut(self):
        for event in train(self):
            yield event
            if event.step == step:
                raise KeyboardInterrupt

    monkeypatch.setattr(Run, "train", cut)


def test_a_finished_run_is_returned_as_it_is(tmp_path, jobs):
    first = execute(tmp_path, jobs[0], silent)
    shutil.rmtree(tmp_path / "runs" / jobs[0].name)
    assert execute(tmp_path, jobs[0], silent) == json.loads((tmp_path / "ledger" / f"{jobs[0].id}.json").read_text())
    assert not (tmp_path / "runs" / jobs[0].name).exists()
    assert first["status"] == "finished"
    assert first["starts"] == 1


@pytest.mark.parametrize("step", [3, 7, 19])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path, jobs, monkeypatch, step):
    elsewhere = tmp_path / "whole"
    Ledger(elsewhere).create()
    whole = execute(elsewhere, jobs[0], silent)
    with monkeypatch.context() as patch:
        stop_at(step, tmp_path, patch)
        with pytest.raises(KeyboardInterrupt):
            execute(tmp_path, jobs[0], silent)
    assert Ledger(tmp_path).status(jobs[0].id) == "waiting"
    found = execute(tmp_path, jobs[0], silent)
    assert {**found, "seconds": 0, "starts": 0} == {**whole, "seconds": 0, "starts": 0}
    assert found["starts"] == 2


def test_a_run_that_was_trained_but_not_recorded_is_only_tested(tmp_path, jobs, monkeypatch):
    whole = execute(tmp_path, jobs[0], silent)
    (tmp_path / "ledger" / f"{jobs[0].id}.json").unlink()
    monkeypatch.setattr(Run, "train", lambda self: pytest.fail("trained again"))
    found = execute(tmp_path, jobs[0], silent)
    assert found["test_best"] == whole["test_best"]
    tests = [r for r in read_metrics(tmp_path / "runs" / jobs[0].name) if r["split"] == "test"]
    assert sorted(r["parameters"] for r in tests) == sorted({r["parameters"] for r in tests})


def test_a_folder_without_a_checkpoint_is_begun_again(tmp_path, jobs):
    (tmp_path / "runs" / jobs[0].name).mkdir()
    (tmp_path / "runs" / jobs[0].name / "config.toml").write_text("half")
    assert execute(tmp_path, jobs[0], silent)["status"] == "finished"


def test_another_readable_part_does_not_make_another_run(tmp_path, jobs):
    execute(tmp_path, jobs[0], silent)
    (tmp_path / "runs" / jobs[0].name).rename(tmp_path / "runs" / f"{jobs[0].id}-called-otherwise")
    (tmp_path / "ledger" / f"{jobs[0].id}.json").unlink()
    assert execute(tmp_path, jobs[0], silent)["folder"] == f"{jobs[0].id}-called-otherwise"


def test_a_run_that_fails_is_recorded_and_tried_again_only_on_request(tmp_path, jobs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Run, "train", lambda self: 1 / 0)
        assert execute(tmp_path, jobs[0], silent)["status"] == "failed"
    kept = execute(tmp_path, jobs[0], silent)
    assert (kept["status"], kept["error"]) == ("failed", "ZeroDivisionError: division by zero")
    assert "1 / 0" in kept["traceback"]
    assert execute(tmp_path, jobs[0], silent, retry=True)["status"] == "finished"


def test_a_run_that_is_asked_to_stop_saves_where_it_is(tmp_path, jobs):
    (tmp_path / STOP).touch()
    assert execute(tmp_path, jobs[0], silent) == {"status": STOPPED}
    assert Ledger(tmp_path).read(jobs[0].id) is None
    (tmp_path / STOP).unlink()
    assert execute(tmp_path, jobs[0], silent)["starts"] == 2
    starts = (tmp_path / "runs" / jobs[0].name / "starts.log").read_text().splitlines()
    assert [line.split()[1] for line in starts] == ["0", "1"]


def test_a_write_that_is_cut_short_leaves_the_entry_that_was_there(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path)
    ledger.create()
    ledger.write("a", {"status": "failed", "error": "x"})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        ledger.write("a", {"status": "finished"})
    assert ledger.status("a") == "failed"
    assert ledger.status("b") == "waiting"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"status": "half"}'])
def test_what_is_no_entry_counts_as_none(tmp_path, text):
    ledger = Ledger(tmp_path)
    ledger.create()
    (ledger.folder / "a.json").write_text(text)
    assert ledger.read("a") is None


def test_the_table_has_a_row_per_run_whatever_its_status(tmp_path, jobs):
    execute(tmp_path, jobs[1], silent)
    found = rows(jobs, Ledger(tmp_path))
    assert [row["status"] for row in found] == ["waiting", "finished"]
    assert found[0].keys() == found[1].keys()
    assert found[1]["baseline_accuracy"] == 0.1
    text = write(tmp_path, jobs, Ledger(tmp_path)).read_text().splitlines()
    assert len(text) == 3
    assert text[0].startswith("id,folder,case,run.seed,status,goal,")
