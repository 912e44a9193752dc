"""How a column of a sweep's results is called, and its numbers are written, for a reader."""

from __future__ import annotations

from minirnn.metrics import score

PLACES = {"best": "of the best validation", "last": "after the last update"}
WATCHED = {"first": "before training", "last": "at the end", "min": "smallest of all", "max": "largest of all"}
WHOLE = ("steps", "best_step", "parameters")
NAMES = {
    "steps": "updates until the goal was reached", "best_step": "update of the best validation",
    "parameters": "trained numbers", "seconds": "seconds of training",
}


def words(metric: str, names: dict[str, str] | None = None) -> str:
    """test_best_accuracy -> "test accuracy of the best validation"; `names` has a target's own words."""
    if found := {**NAMES, **(names or {})}.get(metric):
        return found
    split, _, rest = metric.partition("_")
    if split == "baseline":
        return f"{_spaced(rest)} of the best guess without memory"
    if split == "watch":
        field, _, which = rest.rpartition("_")
        return f"{_spaced(field)}, {WATCHED.get(which, which)}"
    if split == "end":
        return f"{_spaced(rest)}, of the trained network"
    which, _, name = rest.partition("_")
    return f"{split} {_spaced(name)} {PLACES.get(which, which)}"


def shown(metric: str, value: float) -> str:
    """A number of that column: accuracies in percent, counts whole, what diagnostics say in five digits."""
    if metric in WHOLE:
        return f"{value:,.0f}"
    if metric.startswith(("watch_", "end_")) and "accuracy" not in metric:
        return f"{value:.5g}"
    return score("accuracy" if "accuracy" in metric else metric, value)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
