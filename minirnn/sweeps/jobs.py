"""From points to jobs: every configuration is completed, checked and given its hash before anything runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from minirnn import config, toml
from minirnn.errors import UsageError
from minirnn.sweeps.grid import Point, Sweep
from minirnn.trainer import build

MACHINE = {"run": ("backend", "threads", "data_dir"), "task": ("data_dir",)}      # where, not what
DIGITS, READABLE = 12, 60


@dataclass(frozen=True, eq=False)
class Job:
    """A run of a sweep.

    id       digest of its configuration
    name     ID-READABLE, its folder
    case     the named alternative it belongs to, or ""
    values   {"table.key": value} of the grid
    tables   its whole configuration
    steps    updates at most
    """

    id: str
    name: str
    case: str
    values: dict[str, Any]
    tables: toml.Tables

    @property
    def steps(self) -> int:
        return int(self.tables["train"]["steps"])

    @property
    def seed(self) -> int:
        return int(self.tables["run"]["seed"])

    @property
    def label(self) -> str:
        """The case and the grid's values: "urnn, length 20, seed 0"."""
        return ", ".join([self.case] * bool(self.case) + [f"{_last(k)} {_text(x)}" for k, x in self.values.items()])


def plan(sweep: Sweep, machine: toml.Tables | None = None) -> list[Job]:
    """The jobs of a sweep. Networks that differ in more than the seed are built once, on the host, to be sure; and
    points that follow one another with the same task share its data.

    machine   backend, threads and data_dir of the [run] table
    raises    UsageError that names the point, for what no run could be made of, and for two equal runs
    """
    jobs: dict[str, Job] = {}
    checked: dict[str, config.Config] = {}
    make = _once(config.make_task)
    for point in sweep.points():
        tables = toml.merge(point.tables, machine or {})
        try:
            settings = _resolved(tables, checked, make)
        except UsageError as error:
            where = Job("", "", point.case, point.values, {}).label
            raise UsageError(f"{where}: {error}" if where else str(error)) from None
        job = _job(point, settings.tables())
        if job.id in jobs:
            raise UsageError(f"{job.label} is the same run as {jobs[job.id].label}; leave one of them out")
        jobs[job.id] = job
    return list(jobs.values())


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    """`make`, which for the arguments of last time gives again what it gave."""
    last: dict[str, Any] = {}

    def made(*arguments: Any) -> Any:
        key = json.dumps(arguments, sort_keys=True, default=str)
        if key not in last:
            last.clear()                                            # a corpus may be large: one at a time
            last[key] = make(*arguments)
        return last[key]

    return made


def _resolved(tables: toml.Tables, checked: dict[str, config.Config], make: Callable[..., Any]) -> config.Config:
    """The complete configuration; equal ones but for the seed are resolved, and their data read, once."""
    options = config.section("run", tables.get("run", {}))
    key = json.dumps(toml.merge(tables, {"run": {"seed": 0}}), sort_keys=True, default=str)
    if key not in checked:
        settings, task = config.resolve(tables, make=make)
        on_host = replace(settings, run=replace(settings.run, backend="numpy"))       # a worker may have what we lack
        build(on_host, task).watched()
        checked[key] = settings
    return replace(checked[key], run=options)


def _job(point: Point, tables: toml.Tables) -> Job:
    number = digest(tables)
    words = Job("", "", point.case, point.values, {}).label
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", words).strip("-.")[:READABLE]
    return Job(number, f"{number}-{readable}" if readable else number, point.case, point.values, tables)


def digest(tables: toml.Tables) -> str:
    """The hash of a complete configuration: of all its settings but those of the machine.

    It depends neither on the order of the keys nor on whether a whole number is written 1 or 1.0. It does change when a
    version of minirnn gives a table another key or default: then the run is another one, too.
    """
    kept = {
        table: {key: x for key, x in keys.items() if key not in MACHINE.get(table, ())}
        for table, keys in tables.items()
    }
    text = json.dumps(_plain(kept), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(x) for key, x in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(x) for x in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
