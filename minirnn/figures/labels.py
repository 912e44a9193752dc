"""What tells runs apart: labels from how their configurations differ, and groups that share all but the seed."""

from __future__ import annotations

from typing import Any

from minirnn.saved_run import SavedRun, as_json

# No settings of the experiment:
MACHINE = {f"run.{key}" for key in ("backend", "kernel", "threads", "data_dir", "seed", "scale")}
FIRST = ("task.name", "model.name", "run.preset", "model.cell", "model.parametrization", "model.activation")
MOST = 3        # settings in a label


def by_seed(runs: list[SavedRun]) -> list[list[SavedRun]]:
    """The runs, in groups of one configuration; a run whose configuration cannot be read is a group of its own."""
    groups: dict[Any, list[SavedRun]] = {}
    for run in runs:
        key = str(sorted(flat(run).items(), key=lambda item: item[0])) if run.tables else id(run)
        groups.setdefault(key, []).append(run)
    return list(groups.values())


def labels(runs: list[SavedRun]) -> tuple[list[str], list[str]]:
    """(one label per run, what the labels leave out).

    Runs of as many presets as there are configurations are called by their presets. Else a label holds the settings
    that differ: all of them if they are few, else as many as tell the runs apart. Runs that differ in nothing but the
    seed are called by it, and equal ones by folder.
    """
    tables = [flat(run) for run in runs]
    if len(runs) == 1:
        return [runs[0].title], []
    keys = sorted({key for table in tables for key in table}, key=lambda key: (_rank(key), key))
    differing = [key for key in keys if len({as_json(table.get(key)) for table in tables}) > 1]
    chosen = differing if len(differing) <= MOST else _telling(differing, tables)
    by_preset = [_label(table, ["run.preset"]) for table in tables]
    if all(by_preset) and len(set(by_preset)) == len({str(sorted(table.items())) for table in tables}):
        chosen = differing = ["run.preset"]
    made = [_label(table, chosen) for table in tables]
    seeds = {run.get("run", "seed", 0) for run in runs}
    if len(set(made)) < len(made) and len(seeds) > 1:
        pairs = zip(made, runs, strict=True)
        made = [", ".join(filter(None, (label, f"seed {run.get('run', 'seed', 0)}"))) for label, run in pairs]
    if len(set(made)) < len(made):
        pairs = zip(made, runs, strict=True)
        made = [f"{run.name}: {label}" if label else run.name for label, run in pairs]
    left_out = [key for key in differing if key not in chosen]
    return made, [f"the labels leave out that {', '.join(left_out)} differ too"] if left_out else []


def flat(run: SavedRun) -> dict[str, Any]:
    """{"table.key": value} of the configuration, but for the seed and the machine."""
    found = {f"{table}.{key}": value for table, keys in run.tables.items() for key, value in keys.items()}
    return {key: value for key, value in found.items() if key not in MACHINE}


def _rank(key: str) -> int:
    return FIRST.index(key) if key in FIRST else len(FIRST)


def _telling(keys: list[str], tables: list[dict[str, Any]]) -> list[str]:
    """The first keys, as many as tell apart what all of them do."""
    wanted = len({_label(table, keys) for table in tables})
    for count in range(1, len(keys) + 1):
        if len({_label(table, keys[:count]) for table in tables}) == wanted:
            return keys[:count]
    return keys


def _label(table: dict[str, Any], keys: list[str]) -> str:
    parts = []
    for key in keys:
        if key in table:
            value = as_json(table[key])
            value = value.partition("/")[2] or value if key == "run.preset" else value
            parts.append(value if key in FIRST else f"{key.partition('.')[2]} {value}")
    return ", ".join(parts)
