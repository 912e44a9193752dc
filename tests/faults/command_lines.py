"""Command lines that nobody meant: every command with its own options, in any combination, with values good and bad."""

from __future__ import annotations

import contextlib
import io
import signal
import traceback
from typing import Any, NamedTuple

import click
import numpy as np

from minirnn import catalog, presets
from minirnn.cli import COMMANDS, _run, cli

SECONDS = 60            # that no command line of this folder may take
NUMBERS = ["0", "1", "2", "3", "-1", "7", "1000", "1e3", "1.5", "x", "", "-0", "９", "9" * 30, "9" * 5000, "0x10"]
REALS = ["0", "1", "0.5", "-1", "1e-3", "1e300", "1e-300", "nan", "inf", "-inf", "x", "", "1e999", "9" * 400]
WORDS = ["", " ", "x", "a", "..", "../a", "/", "-", "--", "*", "[red]", "a" * 300, "\u202e", "é", "\n", "a,b", ",", "=",
         "%s", "a/checkpoint.npz", "a/config.toml", "nowhere", "file", "file/a", "empty", "broken", "\udcff", "~nobody"]
PAIRS = ["optimizer.lr=1", "optimizer.lr=x", "x", "=", ".=", "a.b.c=1", "task.length=4", "task=3",
         "optimizer.options.rho=1", "optimizer.options=3", "model.hidden_size=2", "train.watch=[]", "train.watch=[1]",
         "run.seed=" + "9" * 400,
         "a." * 40 + "b=1", "x.y=" + "[" * 3000, "optimizer.schedule_options.steps=0", "run.name=x", "model.groups=1",
         "train.stop_at=nan", "run.deterministic=true", "model.layers=2", "run.dtype=float64", "task.name=copy"]
# what would take minutes, or leave this machine, is not drawn
SAFE = {"sweep": ["--dry-run"], "reproduce": ["--list"], "run": ["--steps", "2", "--length", "4", "--hidden-size", "3"],
        "bench": ["--help"],
        "demo": ["--help"], "inspect": ["--length", "4"]}
LEFT_OUT = {"train", "scheduler", "help", "version", "mirrors", "everything", "backend", "threads"}


class Ended(NamedTuple):
    """Exit code, what was printed to stdout and stderr, and the traceback of what got out, if anything did."""

    code: int
    out: str
    err: str
    trace: str


class Hung(BaseException):
    pass


def draw(rng: np.random.Generator) -> list[str]:
    """The words of a command line."""
    name = _pick(rng, [*COMMANDS, "rnu"] if rng.random() < 0.02 else list(COMMANDS))
    command: Any = cli.get_command(None, name) if name in COMMANDS else None
    if command is None:
        return [name]
    words = [name, *SAFE.get(name, [])]
    if isinstance(command, click.Group):
        sub = _pick(rng, [k for k in command.commands if k != "fetch"])
        words, command = [name, sub], command.commands[sub]
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in LEFT_OUT]
    arguments = [p for p in command.params if isinstance(p, click.Argument)]
    for option in rng.permutation(np.array(options, dtype=object))[: rng.integers(0, 4)] if options else ():
        flag = _pick(rng, [*option.opts, *option.secondary_opts])
        words += [flag] if option.is_flag else [flag, _value(rng, option)]
    for argument in arguments:
        count = int(rng.integers(name == "gradcheck", 3)) if argument.nargs != 1 else int(rng.random() < 0.9)
        words += [_argument(rng, name) for _ in range(count)]
    if rng.random() < 0.05:
        words.insert(int(rng.integers(1, len(words) + 1)), _pick(rng, WORDS))
    return words


def call(words: list[str]) -> Ended:
    """Run a command line in this process, as the console script would."""
    out, err, trace, code = io.StringIO(), io.StringIO(), "", -1

    def late(*_: Any) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _run(words)
    except (Exception, Hung, SystemExit):
        trace = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return Ended(code, out.getvalue(), err.getvalue(), trace)


def _pick(rng: np.random.Generator, choices: list[Any]) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _value(rng: np.random.Generator, option: click.Option) -> str:
    names = {"model": "models", "cell": "cells", "parametrization": "parametrizations", "activation": "activations",
             "rule": "rules", "schedule": "schedules", "memory": "memories", "only": "diagnostics",
             "watch": "diagnostics", "kind": "figures"}
    known = names.get(option.name or "")
    if known and rng.random() < 0.8:
        return str(_pick(rng, list(catalog.components(known))))
    if option.name == "preset" and rng.random() < 0.8:
        return str(_pick(rng, presets.names()))
    if option.name == "assignments":
        return str(_pick(rng, PAIRS))
    if isinstance(option.type, click.Choice):
        return str(_pick(rng, [*option.type.choices, "x"]))
    if isinstance(option.type, click.types.FloatParamType):
        return str(_pick(rng, REALS))
    if isinstance(option.type, click.types.IntParamType):
        return str(_pick(rng, NUMBERS))
    return str(_pick(rng, WORDS))


def _argument(rng: np.random.Generator, name: str) -> str:
    if name in ("run", "gradcheck", "explain") and rng.random() < 0.7:
        kind = "tasks" if name == "run" else _pick(rng, list(catalog.CHECKED))
        return str(_pick(rng, ["recall", "copy", "adding", "kth-largest"] if kind == "tasks"
                         else list(catalog.components(kind))))
    if name == "list" and rng.random() < 0.7:
        return str(_pick(rng, [*catalog.KINDS, "presets"]))
    if name in ("evaluate", "inspect", "plot", "report", "generate") and rng.random() < 0.6:
        return "a"
    if name == "sweep" and rng.random() < 0.5:
        return "a/config.toml"
    return str(_pick(rng, [*WORDS, "1", "mnist", "ptb"]))
