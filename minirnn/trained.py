"""A trained network from the folder of a run: to go on with, to evaluate, to inspect, to generate from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minirnn import checkpoint, config, progress, run_folder, toml
from minirnn.errors import UsageError
from minirnn.run_folder import BEST, CHECKPOINT
from minirnn.trainer import Trainer, build


def load_model(folder: Path, which: str = "", changes: toml.Tables | None = None) -> tuple[Trainer, dict[str, Any]]:
    """(trainer with the parameters of a saved run, description of the checkpoint): to evaluate, or to generate from.

    which     "best", "latest", or "": the best if there is one
    changes   may set the machine keys of the [run] table
    """
    tables = run_folder.tables(folder)
    which = which or ("best" if (folder / BEST).is_file() else "latest")
    if which == "best" and not (folder / BEST).is_file():
        raise UsageError(
            f"{folder} has no {BEST}: no step of it was a multiple of train.evaluate_every; take the latest checkpoint"
        )
    changes = toml.merge({"run": {"kernel": "auto"}}, changes or {})      # what it was trained with binds no reader
    settings, task = config.resolve(tables, changes)
    trainer = build(settings, task)
    _, about = restore(trainer, folder / (BEST if which == "best" else CHECKPOINT))
    trainer.step = about["step"]
    return trainer, {**about, "checkpoint": which}


def restore(trainer: Trainer, path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Put a checkpoint's parameters and buffers in place; returns all its arrays, by part, and its description."""
    arrays, about = checkpoint.load(path)
    progress.require(about, trainer.progress(), path)
    require_same_vocabulary(trainer.task, about, path.parent)
    parts: dict[str, dict[str, Any]] = {"param": {}, "buffer": {}, "rule": {}, "state": {}}
    for name, x in arrays.items():
        part, _, rest = name.partition("/")
        parts.setdefault(part, {})[rest] = x
    checkpoint.restore(trainer.model.params, parts["param"], path)
    checkpoint.restore(trainer.model.buffers, parts["buffer"], path)
    return parts, about


def require_same_vocabulary(task: Any, about: dict[str, Any], folder: Path) -> None:
    """raises UsageError if the text at hand numbers its symbols in another way than the text of the saved run."""
    saved, here = about.get("vocabulary"), task.vocabulary and task.vocabulary.digest
    if saved != here:
        raise UsageError(
            f"{folder} was trained with another vocabulary ({(saved or 'none')[:12]} there, {(here or 'none')[:12]} "
            "here), so its numbers would stand for other symbols; name the folder of its own text with --data-dir"
        )
