"""Kills processes at moments drawn from a seed, and compares what they leave with what an undisturbed one leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from minirnn.checkpoint import load
from minirnn.errors import UsageError

if os.name != "posix":
    pytest.skip("forks processes and sends them POSIX signals", allow_module_level=True)

HERE = Path(__file__).parent
PATIENCE = 120.0        # seconds that a busy machine may take for what needs one
KILLED = -signal.SIGKILL
RUN = ("run", "recall", "--length", 5, "--model", "rnn", "--hidden-size", 6, "--embedding-size", 4,
       "--batch-size", 10, "--steps", 20, "--evaluate-every", 5, "--set", "train.log_every=3", "--schedule", "cosine",
       "--watch", "spectrum", "--quiet", "--dir", "a")
RESUME = ("run", "--resume", "a", "--quiet")
OF_THE_CLOCK = ("seconds", "epoch_seconds", "sequences_per_second", "tokens_per_second")


class Nursery:
    """The process of nursery.py."""

    def __init__(self, *modules):
        env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", "")}
        env = {name: value for name, value in env.items() if value}
        line = [sys.executable, str(HERE / "nursery.py"), "minirnn.cli.run", "minirnn.bptt.store", *modules]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        assert self.process.stdout.readline() == "ready\n"

    def start(self, here, *words, **options):
        """Begin a job; returns the number of its process."""
        words = [word if isinstance(word, dict) else str(word) for word in words]
        job = {"words": words, "here": str(here), **options}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait(self):
        """The exit code of the job that was begun, negative for a signal."""
        return os.waitstatus_to_exitcode(int(self.process.stdout.readline()))

    def run(self, here, *words, **options):
        self.start(here, *words, **options)
        return self.wait()

    def moments(self, here, *words, **options):
        """How many moments a job has, which is done."""
        code = self.run(here, *words, **options, at=0)
        assert code == 0, said(here)
        return int((here / ".moments").read_text())

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


class Reference:
    """A run that nothing disturbed.

    folder    that it left
    seconds   that it took
    """

    def __init__(self, nursery, here):
        self.nursery, self.here, self.folder, self.counted = nursery, here, here / "whole" / "a", {}
        self.folder.parent.mkdir()
        began = time.monotonic()
        assert nursery.run(self.folder.parent, *RUN, plant=["plain"]) == 0, said(self.folder.parent)
        self.seconds = time.monotonic() - began

    def moments(self, within):
        """How many moments it has within these functions."""
        if within not in self.counted:
            again = self.here / str(len(self.counted))
            again.mkdir()
            self.counted[within] = self.nursery.moments(again, *RUN, within=within, plant=["plain"])
        return self.counted[within]


def said(here):
    """What the last job in a folder printed to stderr."""
    return (here / ".err").read_text()


def at_once(process, delay):
    """Kill a process of another group after a delay, unless it is gone."""
    time.sleep(delay)
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


# -- what a run leaves -------------------------------------------------------------------------------------------------


def timeless(record):
    """A record, or the description of a checkpoint, without what the clock says."""
    kept = {key: x for key, x in record.items() if key not in OF_THE_CLOCK}
    return {key: timeless(x) if isinstance(x, dict) else x for key, x in kept.items()}


def lines(folder):
    """(records of the metrics, whether the last line is not whole)."""
    *whole, rest = (folder / "metrics.jsonl").read_text().split("\n")
    return [timeless(json.loads(line)) for line in whole], bool(rest)


def settings(folder):
    """The configuration; a resumed run has the number of steps of its schedule beside what was given."""
    tables = tomllib.loads((folder / "config.toml").read_text())
    assert tables["optimizer"].pop("schedule_options") in ({}, {"steps": tables["train"]["steps"]})
    return tables


def assert_same_arrays(path, other):
    (found, about), (wanted, of_wanted) = load(path), load(other)
    assert timeless(about) == timeless(of_wanted)
    assert found.keys() == wanted.keys()
    for name, x in found.items():
        assert x.dtype == wanted[name].dtype
        assert np.array_equal(x, wanted[name]), f"{name} of {path.name} differs"


def assert_whole(folder, reference):
    """Every file of a killed run is old or new, never between; its metrics are the reference's, up to a line."""
    for path in folder.iterdir():
        assert path.name.startswith(".") or (reference / path.name).exists(), f"{path.name} was left"
    if (folder / "config.toml").exists():
        assert settings(folder) == settings(reference)
    for name in ("checkpoint.npz", "best.npz"):
        if (folder / name).exists():
            try:
                arrays, about = load(folder / name)
            except UsageError as error:
                raise AssertionError(str(error)) from None
            assert arrays.keys() <= load(reference / name)[0].keys()          # a rule has no memories at step 0
            assert about["step"] >= 0
    if (folder / "metrics.jsonl").exists():
        found, _ = lines(folder)
        assert found == lines(reference)[0][: len(found)]


def assert_equal(folder, reference):
    """A run that ended is the reference, bit for bit, but for the clock; nothing half written is left."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in reference.iterdir())
    assert lines(folder) == lines(reference)
    for name in ("checkpoint.npz", "best.npz"):
        assert_same_arrays(folder / name, reference / name)
