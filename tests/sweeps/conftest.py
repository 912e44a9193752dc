"""A small sweep as a file, and the command in a process of its own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from small_sweep import text

pytest.importorskip("distributed", reason="sweeps need the extra minirnn[sweep]")

PATIENCE = 60.0     # seconds that a busy machine may take for what needs one or two


class Sweep:
    """The file grid.toml in a folder, what the command has made of it, and the command."""

    def __init__(self, folder):
        self.here, self.folder = folder, folder / "sweeps" / "grid"
        self.processes = []

    def write(self, steps, seeds):
        train = {"batch_size": 50, "steps": steps, "evaluate_every": 100, "log_every": 50, "stop_at": 2.0}
        (self.here / "grid.toml").write_text(text(train=train, grid={"run.seed": list(seeds)}))

    def start(self, *words):
        """The command, in a group of its own, as a terminal would have it."""
        line = [sys.executable, "-m", "minirnn", "sweep", "grid.toml", *map(str, words)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.processes.append(subprocess.Popen(line, cwd=self.here, start_new_session=True, **streams))
        return self.processes[-1]

    def finish(self, process):
        """(exit code, stdout, stderr)"""
        out, err = process.communicate(timeout=2 * PATIENCE)
        return process.returncode, out, err

    def entries(self):
        files = sorted((self.folder / "ledger").glob("*.json"))
        return {file.stem: json.loads(file.read_text()) for file in files}

    def at_work(self):
        """The folders of runs that have a checkpoint past their start, and are not in the ledger.

        The second validation is written down after the checkpoint of the first is whole.
        """
        validated = [file.parent for file in (self.folder / "runs").glob("*/metrics.jsonl")
                     if file.read_text().count('"valid"') >= 2]
        return [run for run in validated if not (self.folder / "ledger" / f"{run.name[:12]}.json").exists()]

    def starts(self, run):
        """[(step, process)] of the times that a worker began with a run."""
        lines = (run / "starts.log").read_text().splitlines()
        return [(int(line.split()[1]), int(line.split()[-1])) for line in lines]

    def kill_a_worker(self):
        """Kill the worker of a run at work, as one that finds no memory is killed; the run's folder."""
        run = self.until(self.at_work)[0]
        os.kill(self.starts(run)[0][1], signal.SIGKILL)
        return run

    def until(self, condition):
        """What the condition says, once it says something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError("waited in vain")


@pytest.fixture
def sweep(tmp_path):
    found = Sweep(tmp_path)
    yield found
    for process in found.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
