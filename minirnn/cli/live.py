"""What a person sees while training: a progress line, and a Ctrl-C that loses nothing."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from minirnn.cli.sparkline import sparkline
from minirnn.metrics import score
from minirnn.trainer import Event

PAUSE = 5.0     # seconds between lines where there is no terminal
WIDE = 110      # columns from which on a terminal has room for a bar beside the numbers
BAR, CURVE = 10, 8


class Live:
    """Follows a training loop: a live bar on a terminal, a line every few seconds elsewhere, silence if quiet.

    It shows the loss, the task's goal metric, on a terminal the losses so far as a curve, where records have it
    ‖WᴴW − I‖_F, the largest over the layers, and the speed. What a narrow terminal has no room for is left out.
    """

    def __init__(self, label: str, start: int, steps: int, goal: str, quiet: bool = False):
        self.label, self.start, self.steps, self.goal, self.quiet = label, start, steps, goal, quiet
        self.console = Console(stderr=True, highlight=False)
        self.began, self.latest = time.monotonic(), ""
        self.said = self.began
        self.bar: Progress | None = None
        self.losses: list[float] = []

    def __enter__(self) -> Live:
        if not self.quiet and self.console.is_terminal:
            bar = [BarColumn(BAR)] if self.console.width >= WIDE else []
            self.bar = Progress(
                TextColumn("{task.description}"), *bar, TextColumn("{task.completed}/{task.total}"),
                TextColumn("{task.fields[latest]}"), TimeRemainingColumn(compact=True), TextColumn("left"),
                console=self.console,
            )
            self.bar.start()
            self.job = self.bar.add_task(self.label, total=self.steps, completed=self.start, latest="")
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()

    def follow(self, event: Event) -> None:
        """Show what an update brought."""
        if errors := [r["orthogonality_error"] for r in event.records if r.get("orthogonality_error") is not None]:
            self.error = max(errors)
        for record in event.records:
            if record["split"] == "train":
                self.losses += [record["loss"]] if "loss" in record else []
                self.speed = next((_speed(name, x) for name, x in record.items() if name.endswith("_per_second")), "")
            elif record["split"] == "valid":
                self.score = record[self.goal]
            elif record["split"] == "epoch" and not self.quiet and record["epoch_seconds"] >= 1:
                self.console.print(_epoch_line(record))
        if event.records:
            shown = [f"loss {self.losses[-1]:.4g}"] if self.losses else []
            if hasattr(self, "score"):
                shown.append(f"{self.goal} {score(self.goal, self.score)}")
            shown += [sparkline(self.losses, CURVE)] if self.losses and self.bar is not None else []
            shown += [f"‖WᴴW−I‖ {self.error:.1e}"] if hasattr(self, "error") else []
            shown += [self.speed] if getattr(self, "speed", "") else []
            while self.bar is not None and len(shown) > 1 and len("  ".join(shown)) > self._room():
                shown.pop()
            self.latest = "  ".join(shown)
        if self.bar is not None:
            self.bar.update(self.job, completed=event.step, latest=self.latest)
        elif event.records and not self.quiet and (time.monotonic() - self.said > PAUSE or event.step == self.steps):
            self.said = time.monotonic()
            spent = time.monotonic() - self.began
            left = spent / max(event.step - self.start, 1) * (self.steps - event.step)
            times = f"{spent:.0f} s, at most {left:.0f} s left"
            self.console.print(f"{self.label}  {event.step}/{self.steps}  {self.latest}  {times}", soft_wrap=True)

    def _room(self) -> int:
        """Columns of a terminal's line beside the label, the bar, "step/steps" and "h:mm:ss left"."""
        around = len(f"{self.label}  {self.steps}/{self.steps}  h:mm:ss left")
        return self.console.width - around - (BAR + 1 if self.console.width >= WIDE else 0)


class Interruption:
    """Within the block, the first SIGINT or SIGTERM only raises a flag; a second SIGINT stops at once."""

    def __enter__(self) -> Interruption:
        self.asked = False
        self.kept: dict[int, Any] = {s: signal.signal(s, self._ask) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.kept.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


def _speed(name: str, value: float) -> str:
    return f"{value:,.0f} {name.removesuffix('_per_second')}/s"


def _epoch_line(record: dict[str, Any]) -> str:
    loss = f"training loss {record['loss']:.4g}, " if "loss" in record else ""
    return f"epoch {record['epoch']:.4g}: {loss}{record['epoch_seconds']:.1f} s"
