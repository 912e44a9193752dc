"""The protocol of a picture: runs in, a matplotlib figure out, and what could not be drawn in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from minirnn.errors import UsageError
from minirnn.saved_run import Records, SavedRun

Value = TypeVar("Value")
MOST = 6        # panels of one picture


@dataclass
class Drawing:
    """A matplotlib figure, and what is missing from it, one sentence each."""

    figure: Any
    notes: list[str] = field(default_factory=list)


class Figure(ABC):
    """One kind of picture of one or several runs.

    needs      what the runs must have, for who asks before training
    sources    where the picture is from: keys of the bibliography with a locator
    recipe     for a picture of a paper: the runs it shows, {folder: what follows `minirnn run`}
    layer      the recurrent layer that a picture of one layer is about
    stacked    panels below one another, for a narrow page
    """

    summary: ClassVar[str]
    needs: ClassVar[str]
    sources: ClassVar[tuple[str, ...]] = ()
    recipe: ClassVar[dict[str, str]] = {}

    def __init__(self, layer: str = "rnn.0", stacked: bool = False):
        self.layer, self.stacked = layer, stacked

    @abstractmethod
    def draw(self, runs: list[SavedRun]) -> Drawing:
        """The picture of what there is.  raises UsageError, one sentence, if nothing can be drawn"""

    def collect(
        self, runs: list[SavedRun], read: Callable[[SavedRun], Value]
    ) -> tuple[list[tuple[SavedRun, Value]], list[str]]:
        """([(run, what was read from it)], what is missing): the runs of which `read` raises no UsageError."""
        found, notes = [], []
        for run in runs:
            try:
                found.append((run, read(run)))
            except UsageError as error:
                notes.append(str(error))
        if not found:
            raise UsageError(f"nothing to draw: {notes[0]}")
        if len(found) > MOST:
            names = ", ".join(run.name for run, _ in found[MOST:])
            notes.append(f"a picture has {MOST} panels at most; left out: {names}")
        return found[:MOST], notes

    def watched(self, run: SavedRun, diagnostic: str) -> Records:
        """The watch records of this picture's layer.  raises UsageError that says how to get some"""
        found = run.watched(diagnostic, self.layer)
        if found:
            return found
        layers = sorted({str(r.get("layer")) for r in run.of("watch") if r.get("diagnostic") == diagnostic})
        if layers:
            raise UsageError(
                f"{run.folder} watched {diagnostic} of {', '.join(layers)}, not of {self.layer}; name one with --layer"
            )
        raise UsageError(f"{run.folder} has no record of {diagnostic}; train with --watch {diagnostic}")
