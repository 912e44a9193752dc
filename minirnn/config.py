"""A run's configuration: five tables, from defaults, the task's suggestions, a TOML file and the command line.

[task] and [model] hold a name and keyword arguments of the class or function of that name; [optimizer], [train] and
[run] are the dataclasses below. Every key is checked, by name, type and range, before anything is computed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import tomli_w

from minirnn import catalog
from minirnn.arguments import check_call, in_range, one_of
from minirnn.errors import UsageError
from minirnn.kernels import KERNELS
from minirnn.models.base import assemble
from minirnn.toml import Tables, merge

MOST_SEQUENCES, MOST_THREADS = 1_000_000, 1024
NOT_OPTIONS = {"n_in", "n_out", "symbols", "rng", "layer", "groups", "dtype"}      # a model gets them from elsewhere


@dataclass(frozen=True)
class OptimizerOptions:
    """[optimizer]

    rule            name of the update rule; options are its further keyword arguments (momentum, rho, beta1, ...)
    lr              learning rate; a model scales it per parameter group as its paper does
    clip_norm       limit on the norm of all gradients together; 0 is off
    clip            limit on every entry of the gradients that match clip_pattern; 0 is off
    schedule        name of the learning rate's schedule; schedule_options are its keyword arguments (steps, final, ...)
    """

    rule: str = "adam"
    lr: float = 1e-3
    clip_norm: float = 0.0
    clip: float = 0.0
    clip_pattern: str = "*"
    options: dict[str, Any] = field(default_factory=dict)
    schedule: str = "constant"
    schedule_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        in_range("optimizer.lr", self.lr, self.lr > 0, "positive")
        in_range("optimizer.lr", self.lr, self.lr < math.inf, "finite")
        in_range("optimizer.clip_norm", self.clip_norm, self.clip_norm >= 0, "zero (off) or positive")
        in_range("optimizer.clip", self.clip, self.clip >= 0, "zero (off) or positive")


@dataclass(frozen=True)
class TrainOptions:
    """[train]

    batch_size      sequences per batch
    accumulate      batches per update, whose gradients are averaged as if they were one batch
    steps           updates in all
    bptt            steps of time that a gradient travels; 0 is the whole sequence
    memory          what is kept of the forward pass: store, checkpoint or reversible
    log_every       steps between logged losses
    evaluate_every  steps between validations; each saves a checkpoint
    patience        validations without improvement after which the run stops; 0 is off
    stop_at         value of the task's goal metric at which the run stops
    stop_at_loss    validation loss at which the run stops
    watch           names of diagnostics that are measured while training, before the first update and then again
    watch_every     steps between them; 0 is with every validation
    """

    batch_size: int = 50
    accumulate: int = 1
    steps: int = 1000
    bptt: int = 0
    memory: str = "store"
    log_every: int = 50
    evaluate_every: int = 200
    patience: int = 0
    stop_at: float | None = None
    stop_at_loss: float | None = None
    watch: list[str] = field(default_factory=list)
    watch_every: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "accumulate", "steps", "log_every", "evaluate_every"):
            in_range(f"train.{name}", getattr(self, name), getattr(self, name) >= 1, "at least 1")
        in_range("train.batch_size", self.batch_size, self.batch_size <= MOST_SEQUENCES, f"at most {MOST_SEQUENCES:,}")
        for name in ("bptt", "patience", "watch_every"):
            in_range(f"train.{name}", getattr(self, name), getattr(self, name) >= 0, "zero (off) or positive")
        catalog.find("memories", self.memory)
        for name in self.watch:
            if not catalog.find("diagnostics", str(name)).watchable:
                cheap = [k for k, found in catalog.components("diagnostics").items() if found.watchable]
                raise UsageError(
                    f"train.watch names {name}, which takes too long to be measured while training; name any of "
                    f"{', '.join(cheap)}, and ask for {name} afterwards with `minirnn inspect`"
                )
        if self.accumulate > 1 and self.bptt:
            raise UsageError(
                f"train.accumulate joins batches into one update and train.bptt makes several of one batch (got "
                f"{self.accumulate} and {self.bptt}); leave one of them out"
            )


@dataclass(frozen=True)
class RunOptions:
    """[run]

    seed           of the initial parameters, the data and the dropout masks
    backend        numpy, cupy, or auto
    device         number of the CUDA device, among the visible ones
    kernel         on a device: auto, step, elementwise or sequence; see minirnn.kernels
    deterministic  on a device, gradients of embeddings are summed in a fixed order: the same bits from run to run
    dtype          float32 or float64
    threads        BLAS threads; one is fastest for the papers' sizes
    data_dir       folder of the data sets; empty looks in MINIRNN_DATA and the cache folder
    preset         NAME/VARIANT the run was started from, and its scale; then the task's suggestions do not enter
    """

    seed: int = 0
    backend: str = "numpy"
    device: int = 0
    deterministic: bool = False
    kernel: str = "auto"
    dtype: str = "float32"
    threads: int = 1
    data_dir: str = ""
    preset: str = ""
    scale: str = ""

    def __post_init__(self) -> None:
        in_range("run.seed", self.seed, self.seed >= 0, "zero or positive")
        in_range("run.threads", self.threads, self.threads >= 1, "at least 1")
        in_range("run.threads", self.threads, self.threads <= MOST_THREADS, f"at most {MOST_THREADS}")
        one_of("run.backend", self.backend, ("numpy", "cupy", "auto"))
        in_range("run.device", self.device, self.device >= 0, "zero or positive")
        if self.device and self.backend == "numpy":
            raise UsageError(
                f"run.device names a CUDA device (got {self.device}) and run.backend is numpy; add --backend cupy, or "
                "leave --device out"
            )
        one_of("run.kernel", self.kernel, KERNELS)
        one_of("run.dtype", self.dtype, ("float32", "float64"))


@dataclass(frozen=True)
class Config:
    """A complete configuration: `task` and `model` hold "name" and the options given; the rest is filled in."""

    task: dict[str, Any]
    model: dict[str, Any]
    optimizer: OptimizerOptions
    train: TrainOptions
    run: RunOptions

    def tables(self) -> Tables:
        """As TOML tables, without the keys that are unset."""
        plain = {name: value if isinstance(value, dict) else asdict(value) for name, value in vars(self).items()}
        return {name: {k: v for k, v in table.items() if v is not None} for name, table in plain.items()}

    def to_toml(self) -> str:
        return tomli_w.dumps(self.tables())


SECTIONS = {"optimizer": OptimizerOptions, "train": TrainOptions, "run": RunOptions}


def make_task(table: Mapping[str, Any], data_dir: str = "") -> Any:
    """The task of a [task] table."""
    Task = catalog.find("tasks", table["name"])
    options = check_call(Task, table, "task")
    if data_dir and "data_dir" in inspect.signature(Task).parameters:
        options.setdefault("data_dir", data_dir)
    return Task(**options)


def resolve(*layers: Mapping[str, Mapping[str, Any]], make: Callable[..., Any] = make_task) -> tuple[Config, Any]:
    """(configuration, task) from tables, later ones winning, over the defaults and the task's own suggestions.

    make    how the task is made of its table and the data folder
    """
    given = merge(*layers)
    check(given)
    last = layers[-1].get("run", {}) if layers else {}
    if last.get("backend") == "numpy" and "device" not in last:     # back on the host, a saved run's device is left
        given["run"].pop("device", None)
    if "name" not in given.get("task", {}):
        raise UsageError(f"no task is named; name one of: {', '.join(catalog.components('tasks'))}")
    task = make(given["task"], section("run", given.get("run", {})).data_dir)
    suggested = {"model": {"name": ""}} if given.get("run", {}).get("preset") else dict(task.suggested)
    if given.get("model", {}).get("name", suggested["model"]["name"]) != suggested["model"]["name"]:
        sizes = ("hidden_size", "embedding_size")                   # another model: only what every model has
        suggested["model"] = {k: v for k, v in suggested["model"].items() if k in sizes}
    tables = merge(suggested, given)
    if not tables["model"].get("name"):
        raise UsageError(f"no model is named; name one of: {', '.join(catalog.components('models'))}")
    check_call(model_function(tables["model"]["name"]), tables["model"], "model", assemble, NOT_OPTIONS)
    sections = {name: section(name, tables.get(name, {})) for name in SECTIONS}
    catalog.find("rules", sections["optimizer"].rule)
    return Config(tables["task"], tables["model"], **sections), task


def check(tables: Mapping[str, Any]) -> None:
    """raises UsageError if these are not the five tables of a configuration"""
    for table, keys in tables.items():
        if table not in ("task", "model", *SECTIONS):
            raise catalog.unknown("configuration table", table, ("task", "model", *SECTIONS))
        if not isinstance(keys, Mapping):
            raise UsageError(f"{table} must be a table (got {keys!r}); write [{table}] and its keys below it")


def section(name: str, table: Mapping[str, Any]) -> Any:
    """The dataclass of one table."""
    return SECTIONS[name](**check_call(SECTIONS[name], table, name))


def model_function(name: str) -> Callable[..., Any]:
    return catalog.find("models", name)
