"""A run's configuration: five tables, from defaults, the task's suggestions, a TOML file and the command line.

[task] and [model] hold a name and keyword arguments of the class or function of that name; [optimizer], [train] and
[run] are the dataclasses below. Every key is checked, by name, type and range, before anything is computed.
"""

from __future__ import annotations

import inspect
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import tomli_w

from minirnn import catalog
from minirnn.errors import UsageError
from minirnn.kernels import KERNELS
from minirnn.models.base import assemble

Tables = dict[str, dict[str, Any]]
LARGEST, DEEPEST = 1 << 16, 20      # bytes of a file, and levels of tables and lists in it
CHAIN = re.compile(r"""(?<![\w-])(?>(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){20}""")      # DEEPEST keys in a row
WIDEST = 1 << 63                    # whole numbers stay below it, as TOML's do
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
        _range("optimizer.lr", self.lr, self.lr > 0, "positive")
        _range("optimizer.lr", self.lr, self.lr < math.inf, "finite")
        _range("optimizer.clip_norm", self.clip_norm, self.clip_norm >= 0, "zero (off) or positive")
        _range("optimizer.clip", self.clip, self.clip >= 0, "zero (off) or positive")


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
            _range(f"train.{name}", getattr(self, name), getattr(self, name) >= 1, "at least 1")
        _range("train.batch_size", self.batch_size, self.batch_size <= MOST_SEQUENCES, f"at most {MOST_SEQUENCES:,}")
        for name in ("bptt", "patience", "watch_every"):
            _range(f"train.{name}", getattr(self, name), getattr(self, name) >= 0, "zero (off) or positive")
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
        _range("run.seed", self.seed, self.seed >= 0, "zero or positive")
        _range("run.threads", self.threads, self.threads >= 1, "at least 1")
        _range("run.threads", self.threads, self.threads <= MOST_THREADS, f"at most {MOST_THREADS}")
        _choice("run.backend", self.backend, ("numpy", "cupy", "auto"))
        _range("run.device", self.device, self.device >= 0, "zero or positive")
        if self.device and self.backend == "numpy":
            raise UsageError(
                f"run.device names a CUDA device (got {self.device}) and run.backend is numpy; add --backend cupy, or "
                "leave --device out"
            )
        _choice("run.kernel", self.kernel, KERNELS)
        _choice("run.dtype", self.dtype, ("float32", "float64"))


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


def resolve(*layers: Mapping[str, Mapping[str, Any]]) -> tuple[Config, Any]:
    """(configuration, task) from tables, later ones winning, over the defaults and the task's own suggestions."""
    given = merge(*layers)
    check(given)
    last = layers[-1].get("run", {}) if layers else {}
    if last.get("backend") == "numpy" and "device" not in last:     # back on the host, a saved run's device is left
        given["run"].pop("device", None)
    if "name" not in given.get("task", {}):
        raise UsageError(f"no task is named; name one of: {', '.join(catalog.components('tasks'))}")
    task = make_task(given["task"], section("run", given.get("run", {})).data_dir)
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


def load(path: Path) -> Tables:
    """The tables of a TOML file."""
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the configuration {path}: {error}") from None
    if len(text) > LARGEST:
        raise UsageError(f"{path} has more than {LARGEST:,} bytes, which no configuration has; name another file")
    try:
        return _parsed(text, str(path))
    except UsageError:
        raise
    except ValueError as error:                                     # not TOML, or a number of thousands of digits
        raise UsageError(f"{path} is not valid TOML: {error}") from None


def assignments(pairs: Iterable[str]) -> Tables:
    """Tables from "table.key=value" strings; a value that is not TOML is a string."""
    tables: Tables = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        table, dot, name = key.strip().partition(".")
        if not (equals and dot and name):
            raise UsageError(f"cannot read {pair!r}; write TABLE.KEY=VALUE, as in optimizer.lr=1e-3")
        value: Any
        try:
            value = _parsed(f"value = {text}", pair)["value"]
        except UsageError:
            raise
        except ValueError:
            value = text.strip()
        *parents, last = name.split(".")
        nested = {last: value}
        for parent in reversed(parents):
            nested = {parent: nested}
        tables = merge(tables, _shallow(pair, {table: nested}))
    return tables


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """One dict of dicts; later layers win, key by key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            earlier = merged.get(key)
            nested = isinstance(value, Mapping)
            merged[key] = merge(earlier if isinstance(earlier, Mapping) else {}, value) if nested else value
    return merged


def _parsed(text: str, where: str) -> Tables:
    """TOML, nested within reason: of a dotted key of n parts the parser takes time and memory n².

    raises    UsageError if it is nested too deeply, ValueError if it is no TOML
    """
    if CHAIN.search(text):
        raise _too_deep(where)
    try:
        return _shallow(where, tomllib.loads(text))
    except RecursionError:
        raise _too_deep(where) from None


def _shallow(where: str, tables: Tables) -> Tables:
    """The tables.  raises UsageError if they are nested more deeply than any configuration is"""
    layer: list[Any] = [tables]
    for _ in range(DEEPEST):
        nested = (x.values() if isinstance(x, dict) else x for x in layer if isinstance(x, dict | list))
        layer = [x for values in nested for x in values]
        if not layer:
            return tables
    raise _too_deep(where)


def _too_deep(where: str) -> UsageError:
    where = where if len(where) <= 200 else f"{where[:200]}..."
    return UsageError(f"{where} is nested more than {DEEPEST} levels deep, as no configuration is; write plain tables")


def section(name: str, table: Mapping[str, Any]) -> Any:
    """The dataclass of one table."""
    check_call(SECTIONS[name], table, name)
    hints = get_type_hints(SECTIONS[name])
    return SECTIONS[name](**{key: _typed(f"{name}.{key}", value, hints[key]) for key, value in table.items()})


def make_task(table: Mapping[str, Any], data_dir: str = "") -> Any:
    """The task of a [task] table."""
    Task = catalog.find("tasks", table["name"])
    options = check_call(Task, table, "task")
    if data_dir and "data_dir" in inspect.signature(Task).parameters:
        options.setdefault("data_dir", data_dir)
    return Task(**options)


def model_function(name: str) -> Callable[..., Any]:
    return catalog.find("models", name)


def check_call(
    function: Callable[..., Any], table: Mapping[str, Any], where: str, also: Any = None, without: Iterable[str] = ()
) -> dict[str, Any]:
    """The keyword arguments for `function` (and `also`) in a table, each known and of the annotated type."""
    hints: dict[str, Any] = {}
    for source in filter(None, (also, function)):
        target = source.__init__ if inspect.isclass(source) else source
        known = inspect.signature(target).parameters
        hints |= {k: v for k, v in get_type_hints(target).items() if k in known and k not in without}
    options = {}
    for key, value in table.items():
        if key == "name" and where in ("task", "model"):
            continue
        if key not in hints:
            owner = f"{where} {table['name']}" if "name" in table and where in ("task", "model") else where
            raise catalog.unknown(f"option of the {owner} called", key, hints)
        options[key] = _typed(f"{where}.{key}", value, hints[key])
    return options


def _typed(key: str, value: Any, hint: Any) -> Any:
    wanted = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    plain = tuple(get_origin(t) or t for t in wanted if t is not type(None))
    if Any in plain:
        return value
    if isinstance(value, int) and not -WIDEST <= value < WIDEST:
        bits = value.bit_length()
        raise UsageError(f"{key} must be a number of at most 64 bits (got one of {bits}); write a smaller one")
    if isinstance(value, int) and not isinstance(value, bool) and float in plain and int not in plain:
        value = float(value)
    if not isinstance(value, plain) or (isinstance(value, bool) and bool not in plain):
        raise UsageError(f"{key} must be of type {' or '.join(t.__name__ for t in plain)} (got {value!r})")
    return value


def _range(key: str, value: Any, good: bool, wanted: str) -> None:
    if not good:
        raise UsageError(f"{key} must be {wanted} (got {value})")


def _choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{key} must be one of {', '.join(choices)} (got {value!r})")
