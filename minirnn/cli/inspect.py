"""minirnn inspect: what a network does to its gradients, by every diagnostic there is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from threadpoolctl import threadpool_limits

from minirnn import catalog, config, memory, toml, trained
from minirnn.arguments import check_call
from minirnn.cli import findings, progress
from minirnn.cli.saved import changes, checkpoint_option, machine_options, names
from minirnn.diagnostics.base import Diagnostic, ask
from minirnn.errors import UsageError
from minirnn.trainer import Trainer, build
from minirnn.watch import EXAMPLES

FRESH = "task", "length", "hidden_size", "seed", "assignments"      # options of --model


@click.command("inspect")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--model", help="Instead of a run: a model as it starts, see `minirnn list models`.")
@click.option("--task", help="With --model: what it reads; default recall.")
@click.option("--length", type=int, help="With --model: length of the task's sequences.")
@click.option("--hidden-size", type=int, help="With --model: units per layer.")
@click.option("--seed", type=int, help="With --model: of its initial parameters.")
@click.option("--set", "assignments", multiple=True, metavar="TABLE.KEY=VALUE", help="With --model: any other key.")
@click.option("--only", callback=names, metavar="NAME,...", help="Diagnostics, see `minirnn list diagnostics`.")
@click.option("--all", "everything", is_flag=True, help="The expensive diagnostics too.")
@click.option("--option", "options_of", multiple=True, metavar="NAME.KEY=VALUE",
              help="Of a diagnostic, as in gradient-flow.examples=8.")
@checkpoint_option
@click.option("--layer", metavar="rnn.K", help="One recurrent layer; default all of them.")
@click.option("--split", type=click.Choice(["train", "valid", "test"]), default="valid", show_default=True)
@click.option("--examples", type=click.IntRange(min=1), default=EXAMPLES, show_default=True,
              help="Sequences to measure on; a diagnostic may take only the first of them.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@machine_options
def command(
    run: Path | None, model: str | None, only: list[str] | None, everything: bool, options_of: tuple[str, ...],
    which: str | None, layer: str | None, split: str, examples: int, as_json: bool, **options: Any,
) -> None:
    """Measure what the network of the folder RUN, or a fresh one, does to its gradients, on sequences of its task.

    Cheap diagnostics by default, all of them with --all, or those that --only names. A curve over time is shown by its
    first and last value, its shape, and its range.

    \b
    Examples:
      minirnn inspect runs/a
      minirnn inspect runs/a --only spectrum,gradient-flow --checkpoint latest
      minirnn inspect runs/a --all --json > a.json
      minirnn inspect runs/a --only capacity --option capacity.limit=20000000
      minirnn inspect --model lstm --task copy --length 100 --hidden-size 128
    """
    wanted = _made(only or _default(everything), toml.assignments(options_of))
    if only and everything:
        raise UsageError("--all measures everything and --only a choice; leave one of them out")
    fresh = {name: options.pop(name) for name in FRESH}
    memory.keep_freed_memory()
    if run is not None:
        trainer, about = _saved(run, model, which, fresh, options)
    else:
        trainer, about = _fresh(model, which, fresh, options), {"step": 0, "checkpoint": "as it starts"}
    layers = [f"rnn.{k}" for k in range(len(trainer.model.layers))]
    if layer is not None and layer not in layers:
        raise catalog.unknown("recurrent layer", layer, layers)
    found: dict[str, dict[str, Any]] = {}
    refused: dict[str, dict[str, str]] = {}
    with threadpool_limits(trainer.config.run.threads):
        for name in [layer] if layer else layers:
            found[name], refused[name] = {}, {}
            subject = trainer.subject(layers.index(name), split, examples)
            for diagnostic in wanted:
                with progress.step(f"{diagnostic} of {name}"):
                    try:
                        found[name][diagnostic] = ask(wanted[diagnostic], subject)
                    except UsageError as error:
                        refused[name][diagnostic] = str(error)
    if only and not any(found.values()):
        raise UsageError(next(text for texts in refused.values() for text in texts.values()))
    head = {
        "folder": None if run is None else str(run), "checkpoint": about["checkpoint"], "step": about["step"],
        "task": trainer.config.task["name"], "model": trainer.config.model["name"],
        "split": split, "examples": subject.batch.x.shape[1],
    }
    if as_json:
        click.echo(json.dumps({**head, "layers": found, "refused": refused}, ensure_ascii=False))
    else:
        _print(head, found, refused)


def _made(chosen: list[str], options: toml.Tables) -> dict[str, Diagnostic]:
    """{name: diagnostic} with the options given for it."""
    for name in options:
        if name not in chosen:
            catalog.find("diagnostics", name)
            option = f"--option {name}.{next(iter(options[name]))}"
            raise UsageError(f"{option} is of a diagnostic that is not asked for; add --only {name} or --all")
    made = {}
    for name in chosen:
        Kind, given = catalog.find("diagnostics", name), options.get(name, {})
        found = check_call(Kind, given, name, without=("progress",))
        for key, value in found.items():
            if isinstance(value, Sequence) and not all(type(x) in (int, float) for x in value):
                raise UsageError(f"{name}.{key} must be a list of numbers (got {value!r}), such as [0.1,0.2]")
        made[name] = Kind(**found)
    return made


def _default(everything: bool) -> list[str]:
    return [name for name, kind in catalog.components("diagnostics").items() if everything or kind.watchable]


def _saved(
    run: Path, model: str | None, which: str | None, fresh: dict[str, Any], machine: dict[str, Any]
) -> tuple[Trainer, dict[str, Any]]:
    given = [name for name in ("model", *FRESH) if {"model": model, **fresh}[name] not in (None, ())]
    if given:
        option = "set" if given[0] == "assignments" else given[0].replace("_", "-")
        raise UsageError(f"--{option} describes a fresh model and {run} is a saved run; leave one of them out")
    return trained.load_model(run, which or "", changes(machine))


def _fresh(model: str | None, which: str | None, fresh: dict[str, Any], machine: dict[str, Any]) -> Trainer:
    if model is None:
        raise UsageError("there is nothing to inspect; name the folder of a run, or a model with --model")
    if which is not None:
        raise UsageError(f"--checkpoint {which} belongs to a saved run; leave it out, or name one instead of --model")
    tables: toml.Tables = {"task": {"name": fresh["task"] or "recall"}, "model": {"name": model}, "run": {}}
    for table, key in (("task", "length"), ("model", "hidden_size"), ("run", "seed")):
        if fresh[key] is not None:
            tables[table][key] = fresh[key]
    return build(*config.resolve(tables, toml.assignments(fresh["assignments"]), changes(machine)))


def _print(head: dict[str, Any], found: dict[str, dict[str, Any]], refused: dict[str, dict[str, str]]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=findings.WIDE)
    console.print(escape(
        f"{head['task']} {head['model']}, step {head['step']} ({head['checkpoint']}), {head['examples']} sequences of "
        f"the {head['split']} split"
    ), soft_wrap=True)
    for layer, answers in found.items():
        for name, fields in answers.items():
            summary = catalog.find("diagnostics", name).summary
            console.print(f"\n[bold]{layer}  {name}[/]  {escape(summary)}", soft_wrap=True)
            for table in findings.tables(fields):
                console.print(table)
        for name, why in refused[layer].items():
            console.print(f"\n[bold]{layer}  {name}[/]  not measured: {escape(why)}", soft_wrap=True)

