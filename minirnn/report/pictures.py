"""The pictures of a report: drawn twice, for a wide page and for a narrow one, and held in the page as data."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from minirnn import catalog
from minirnn.errors import UsageError
from minirnn.figures.style import available, render
from minirnn.saved_run import SavedRun

ALWAYS = "curves", "task-example", "spectrum"
WATCHED = "gradient-flow", "loss-gradient"          # only from watch records: at a checkpoint, others say as much
LARGEST = 2e12      # operations that exact Jacobians may take: about a minute


@dataclass(frozen=True)
class Picture:
    """Two versions of one picture as data URIs, a heading, and what it shows for those who do not see it."""

    kind: str
    summary: str
    wide: str
    narrow: str


def of_run(run: SavedRun, everything: bool = True) -> tuple[list[Picture], list[str]]:
    """(every picture that this run allows, or its curves alone; what is missing)."""
    kinds = [*ALWAYS, *(kind for kind in WATCHED if any(r.get("diagnostic") == kind for r in run.of("watch")))]
    if not everything:
        return of([run], ("curves",))
    drawn, notes = of([run], tuple(kinds))
    try:
        affordable = _cost(run) <= LARGEST
    except UsageError:                                              # no model: the others have said so
        return drawn, notes
    if not affordable:
        later = f"`minirnn plot {run.folder} --kind jacobian` draws them"
        return drawn, [*notes, f"the picture jacobian: exact Jacobians of this network take long; {later}"]
    more, missing = of([run], ("jacobian",))
    return drawn + more, notes + missing


def of(runs: list[SavedRun], kinds: tuple[str, ...]) -> tuple[list[Picture], list[str]]:
    """(pictures of these kinds, as many as can be drawn; what is missing)."""
    if not available():
        return [], ["the pictures: they need matplotlib, pip install 'minirnn[plot]'"]
    drawn, notes = [], []
    for kind in kinds:
        Kind = catalog.find("figures", kind)
        try:
            wide, narrow = Kind().draw(runs), Kind(stacked=True).draw(runs)
        except UsageError as error:
            notes.append(f"the picture {kind}: {str(error).removeprefix('nothing to draw: ')}")
            continue
        notes += wide.notes
        drawn.append(Picture(kind, Kind.summary, _data(wide.figure), _data(narrow.figure)))
    return drawn, list(dict.fromkeys(notes))


def _data(figure: object) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(render(figure, "svg")).decode()


def _cost(run: SavedRun) -> float:
    """Operations of the exact Jacobians of one layer: examples × T products of (N, n) by (n, G n), forward and back."""
    from minirnn.diagnostics.gradient_flow import real_size
    from minirnn.figures.jacobian import EXAMPLES

    subject = run.subject("rnn.0", 1)
    layer, T = subject.layer, len(subject.batch.x)
    return 2.0 * EXAMPLES * T * real_size(layer) ** 2 * layer.hidden_size * (len(layer.cell.gates) + 1)
