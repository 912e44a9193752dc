"""Pictures of runs: one module per kind, found because it exists. matplotlib, an extra, is imported to draw one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from minirnn import catalog
from minirnn.figures.base import Drawing, Figure
from minirnn.figures.style import available, save
from minirnn.saved_run import SavedRun

__all__ = ["Drawing", "Figure", "available", "draw", "save"]


def draw(kind: str, runs: Iterable[SavedRun], path: Path, layer: str = "rnn.0") -> list[str]:
    """Draw a kind of picture of these runs into a file; returns what is missing from it.

    raises    UsageError, one sentence, if nothing can be drawn
    """
    drawing = catalog.find("figures", kind)(layer).draw(list(runs))
    save(drawing.figure, path)
    return drawing.notes
