"""What a person sees of a sweep: a table of the runs at work, on stderr; elsewhere a line for each that ends."""

from __future__ import annotations

import threading
import time
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from minirnn.metrics import score
from minirnn.sweeps.jobs import Job
from minirnn.sweeps.ledger import FAILED, FINISHED, Entry

PAUSE = 15.0    # seconds between lines about the whole where there is no terminal


class Board:
    """Counts the runs of a sweep and follows those at work; silent if quiet."""

    def __init__(self, jobs: list[Job], before: dict[str, int], quiet: bool = False):
        self.labels = {job.id: job.label or job.id for job in jobs}
        self.count = {FINISHED: before.get(FINISHED, 0), FAILED: before.get(FAILED, 0)}
        self.working: dict[str, dict[str, Any]] = {}
        self.quiet, self.lock = quiet, threading.Lock()
        self.console = Console(stderr=True, highlight=False)
        self.began = self.said = time.monotonic()
        self.live: Live | None = None

    def __enter__(self) -> Board:
        if not self.quiet and self.console.is_terminal:
            self.live = Live(get_renderable=self.table, console=self.console, refresh_per_second=2, transient=True)
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def hear(self, report: dict[str, Any]) -> None:
        """A worker's report; called in another thread."""
        with self.lock:
            self.working[report["id"]] = report

    def ended(self, job: Job, entry: Entry) -> None:
        """A run has ended."""
        with self.lock:
            self.working.pop(job.id, None)
        if entry["status"] in self.count:
            self.count[entry["status"]] += 1
            self._say(f"{entry['status']}  {self.labels[job.id]}  {_outcome(entry)}")

    def tick(self) -> None:
        """Where there is no terminal, say now and then how far the whole is."""
        if self.live is None and time.monotonic() - self.said > PAUSE:
            with self.lock:
                said = [f"{self.labels[key]} {r['step']}/{r['steps']}" for key, r in self.working.items()]
            self._say("; ".join([self.summary(), *said]))

    def summary(self) -> str:
        done, failed, total = self.count[FINISHED], self.count[FAILED], len(self.labels)
        parts = [f"{done} of {total} runs finished"] + [f"{failed} failed"] * bool(failed)
        return ", ".join([*parts, f"{time.monotonic() - self.began:.0f} s"])

    def table(self) -> RenderableType:
        with self.lock:
            working = list(self.working.values())
        table = Table(show_edge=False, box=None, pad_edge=False)
        for heading in ("run", "update", "loss", "left"):
            table.add_column(heading, justify="left" if heading == "run" else "right", overflow="fold")
        for r in working:
            loss = "" if r["loss"] is None else f"{r['loss']:.4g}"
            left = f"at most {r['left']:.0f} s"
            table.add_row(Text(self.labels.get(r["id"], r["id"])), f"{r['step']}/{r['steps']}", loss, left)
        return Group(Text(f"{self.summary()}, {len(working)} at work"), table)

    def _say(self, text: str) -> None:
        if not self.quiet:
            self.said = time.monotonic()
            self.console.print(Text(text), soft_wrap=True)


def _outcome(entry: Entry) -> str:
    if entry["status"] == FAILED:
        return str(entry["error"])
    goal = entry["goal"]
    return f"test {goal} {score(goal, entry['test_best'][goal])}, {entry['steps']} updates, {entry['seconds']:g} s"
