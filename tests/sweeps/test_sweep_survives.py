"""Whatever is killed in the middle of a sweep, the same command completes it: nothing lost, nothing run twice."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from small_disk import small_disk

from minirnn.runs import read_metrics

STEPS = 1200


def assert_whole(sweep, runs, before, steps=STEPS):
    """Every run is finished, what was finished before is untouched, and no update is missing or made twice."""
    entries = sweep.entries()
    assert len(entries) == runs
    assert {entry["status"] for entry in entries.values()} == {"finished"}
    assert {key: entries[key] for key in before} == before
    for entry in entries.values():
        records = read_metrics(sweep.folder / "runs" / entry["folder"])
        assert [r["step"] for r in records if r["split"] == "train"] == list(range(50, steps + 1, 50))
        assert [r["step"] for r in records if r["split"] == "valid"] == list(range(100, steps + 1, 100))
        assert entry["starts"] == len(sweep.starts(sweep.folder / "runs" / entry["folder"]))
    for key in before:
        assert entries[key]["starts"] == before[key]["starts"]
    with open(sweep.folder / "results.csv", newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["finished"] * runs


def assert_interrupted(code, said):
    """A signal that comes when all is done, as Python ends, ends it: to a shell that is 130 as well."""
    assert code in (130, -signal.SIGINT), said
    assert ("Interrupted" in said, "Traceback" in said) == (True, False), said


def test_a_killed_command_goes_on_where_it_was(sweep):
    sweep.write(STEPS, range(3))
    first = sweep.start("--workers", 1)
    sweep.until(lambda: sweep.entries() and sweep.at_work())
    first.kill()
    first.wait()
    before, cut = sweep.entries(), sweep.at_work()
    assert 1 <= len(before) < 3
    code, _, said = sweep.finish(sweep.start("--workers", 2))
    assert code == 0, said
    assert_whole(sweep, 3, before)
    for run in cut:                                                 # gone on with from a checkpoint, or only tested
        begun = [step for step, _ in sweep.starts(run)]
        assert begun[0] == 0
        assert all(0 < step <= STEPS and step % 100 == 0 for step in begun[1:])
    assert sum(entry["starts"] for entry in sweep.entries().values()) <= 3 + len(cut)


def test_a_killed_worker_is_replaced_and_its_run_goes_on(sweep):
    sweep.write(STEPS, range(2))
    command = sweep.start("--workers", 2)
    run = sweep.kill_a_worker()
    code, _, said = sweep.finish(command)
    assert code == 0, said
    assert_whole(sweep, 2, {})
    (first, one), (second, other) = sweep.starts(run)
    assert (first, one != other) == (0, True)
    assert second >= 100


def test_a_worker_may_need_longer_to_come_back_than_a_cluster_keeps_its_place(sweep, monkeypatch):
    """As a killed one does on a busy machine: given up by the cluster while its nanny begins it again, it was lost."""
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "10ms")
    sweep.write(STEPS, range(1))
    command = sweep.start("--workers", 1)
    sweep.kill_a_worker()
    code, _, said = sweep.finish(command)
    assert code == 0, said
    assert_whole(sweep, 1, {})


@pytest.mark.slow
def test_ctrl_c_saves_the_runs_at_work_and_says_how_to_go_on(sweep):
    steps, runs = 3 * STEPS, 3          # however late this machine lets the signal through, one run has not begun
    sweep.write(steps, range(runs))
    command = sweep.start("--workers", 1)
    run = sweep.until(sweep.at_work)[0]
    os.killpg(command.pid, signal.SIGINT)                           # as a terminal does: every process gets it
    code, _, said = sweep.finish(command)
    assert (code, "go on with: minirnn sweep grid.toml" in said) == (130, True), said
    assert "Traceback" not in said
    before = sweep.entries()
    code, _, said = sweep.finish(sweep.start("--workers", 1))
    assert code == 0, said
    assert_whole(sweep, runs, before, steps)
    if run.name[:12] not in before:
        assert [step > 0 for step, _ in sweep.starts(run)] == [False, True]


def test_a_second_ctrl_c_stops_at_once_and_nothing_is_lost_or_done_twice(sweep):
    sweep.write(STEPS, range(3))
    command = sweep.start("--workers", 1)
    sweep.until(lambda: sweep.entries() and sweep.at_work())
    for _ in range(2):
        os.killpg(command.pid, signal.SIGINT)
        time.sleep(0.1)
    code, _, said = sweep.finish(command)
    assert_interrupted(code, said)
    before, cut = sweep.entries(), sweep.at_work()
    assert {entry["status"] for entry in before.values()} == {"finished"}
    code, _, said = sweep.finish(sweep.start("--workers", 1))
    assert code == 0, said
    assert_whole(sweep, 3, before)
    assert sum(entry["starts"] for entry in sweep.entries().values()) <= 3 + len(cut)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_the_workers_start_is_no_traceback(sweep, times):
    sweep.write(STEPS, range(2))
    command = sweep.start("--workers", 1)
    sweep.until((sweep.folder / "results.csv").exists)              # written just before they are asked for
    for _ in range(times):
        time.sleep(0.2)
        os.killpg(command.pid, signal.SIGINT)
    code, _, said = sweep.finish(command)
    assert_interrupted(code, said)
    assert sweep.entries() == {}


@pytest.mark.parametrize("kilobytes", [16, 40])                     # full within the first run, and later
def test_a_full_disk_is_a_sentence_and_with_room_the_sweep_is_completed(sweep, tmp_path, kilobytes):
    sweep.write(200, range(3))
    with small_disk(tmp_path / "disk", kilobytes) as grow:
        sweep.folder = tmp_path / "disk" / "s"
        words = ("--workers", 1, "--dir", sweep.folder, "--quiet")
        code, _, said = sweep.finish(sweep.start(*words))
        assert (code, said.splitlines()[-1].startswith("Error: "), "Traceback" in said) == (1, True, False), said
        assert "could not be written (No space left on device)" in said
        assert "worker" not in said
        grow(1000)
        code, _, said = sweep.finish(sweep.start(*words, "--retry"))
        assert code == 0, said
        assert_whole(sweep, 3, {}, 200)


@pytest.mark.slow
def test_a_killed_scheduler_is_said_and_another_completes_the_sweep(sweep, tmp_path):
    def serve():
        """(address, scheduler) of a cluster with one worker."""
        line, streams = [sys.executable, "-m"], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        place = tmp_path / f"scheduler-{len(sweep.processes)}.json"
        options = ["--scheduler-file", str(place), "--no-dashboard"]
        for module, more in (("dask_scheduler", ["--host", "127.0.0.1", "--port", "0"]), ("dask_worker", [])):
            words = [*line, f"distributed.cli.{module}", *options, *more]
            words += ["--nthreads", "1", "--memory-limit", "0"] if module == "dask_worker" else []
            sweep.processes.append(subprocess.Popen(words, cwd=tmp_path, start_new_session=True, **streams))
        return sweep.until(lambda: place.exists() and json.loads(place.read_text())["address"]), sweep.processes[-2]

    sweep.write(STEPS, range(3))
    address, scheduler = serve()
    command = sweep.start("--scheduler", address)
    sweep.until(lambda: sweep.entries() and sweep.at_work())
    scheduler.kill()
    code, _, said = sweep.finish(command)
    assert (code, "the scheduler went away" in said) == (1, True), said
    before = sweep.entries()
    address, _ = serve()
    code, _, said = sweep.finish(sweep.start("--scheduler", address))
    assert code == 0, said
    assert_whole(sweep, 3, before)
