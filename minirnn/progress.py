"""What a checkpoint says besides the parameters, believed only where it fits the run: a file may have been changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.model import Model

WANTED: dict[str, tuple[type, ...]] = {
    "step": (int,), "waited": (int,), "finished": (str,), "seconds": (int, float), "best": (int, float, type(None)),
    "best_step": (int, type(None)), "schedule": (dict,), "epoch": (dict,),
}
SUMS = {"total", "count", "seconds"}        # of an epoch; checkpoints of before there was a "line" have no more


def require(about: dict[str, Any], here: dict[str, Any], path: Path) -> None:
    """raises UsageError if the description of a checkpoint lacks something, or holds another kind of value.

    here    a description as this run would write it: "schedule" and "epoch" hold the same keys
    """
    for key, kinds in WANTED.items():
        value = about.get(key)
        nested = (x for x in value.values() if not isinstance(x, dict)) if isinstance(value, dict) else ()
        good = isinstance(value, kinds) and not isinstance(value, bool) and all(map(_is_number, nested))
        if not good or (isinstance(value, int) and value < 0 and key != "best"):
            raise _damaged(path, f"its description holds no good {key!r}")
    if not isinstance(about.get("vocabulary"), str | None):
        raise _damaged(path, "its description holds no good 'vocabulary'")
    if about["schedule"].keys() != here["schedule"].keys() or SUMS - about["epoch"].keys():
        raise _damaged(path, "its description is of another schedule than the run's, or of no epoch")
    line = about["epoch"].get("line", {})
    if not isinstance(line, dict) or not line.keys() <= here["epoch"]["line"].keys() or not all(
        map(_is_number, line.values())
    ):
        raise _damaged(path, "its description of the last line of the metrics is none")


def carried(found: dict[str, Any], model: Model, batch_size: int, path: Path) -> Any:
    """The recurrent state of a run whose batches continue one another, one tuple per layer; None if none was saved.

    found   {"layer/state": (B, n)}
    raises  UsageError if it is not that of this model
    """
    if not found:
        return None
    wanted = {f"{k}/{j}": (batch_size, layer.hidden_size)
              for k, layer in enumerate(model.layers) for j in range(layer.cell.states)}
    if {name: x.shape for name, x in found.items()} != wanted or any(x.dtype.kind not in "fc" for x in found.values()):
        raise _damaged(path, "its recurrent state is not one of this network")
    like = next(iter(model.params.values()))
    return tuple(
        tuple(np.asarray(found[f"{k}/{j}"], like=like) for j in range(layer.cell.states))
        for k, layer in enumerate(model.layers)
    )


def _is_number(x: Any) -> bool:
    return x is None or (isinstance(x, int | float) and not isinstance(x, bool))


def _damaged(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} is damaged: {what}; restore it or start again")
