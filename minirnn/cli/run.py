"""minirnn run: train, and resume."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_limits

from minirnn import backend, config, figures, memory, presets, toml
from minirnn.cli.live import Interruption, Live
from minirnn.cli.saved import names
from minirnn.errors import UsageError
from minirnn.metrics import score
from minirnn.run_folder import FIGURE, read_metrics
from minirnn.runs import Run
from minirnn.saved_run import SavedRun

# command-line option -> (table, key): the common ones; --set reaches all
OPTIONS = {
    "length": ("task", "length"),
    "layout": ("task", "layout"),
    "variant": ("task", "variant"),
    "window": ("task", "window"),
    "max_length": ("task", "max_length"),
    "model": ("model", "name"),
    "cell": ("model", "cell"),
    "parametrization": ("model", "parametrization"),
    "activation": ("model", "activation"),
    "hidden_size": ("model", "hidden_size"),
    "embedding_size": ("model", "embedding_size"),
    "tied": ("model", "tied"),
    "layers": ("model", "layers"),
    "dropout": ("model", "dropout"),
    "rule": ("optimizer", "rule"),
    "lr": ("optimizer", "lr"),
    "clip_norm": ("optimizer", "clip_norm"),
    "schedule": ("optimizer", "schedule"),
    "batch_size": ("train", "batch_size"),
    "accumulate": ("train", "accumulate"),
    "steps": ("train", "steps"),
    "bptt": ("train", "bptt"),
    "memory": ("train", "memory"),
    "evaluate_every": ("train", "evaluate_every"),
    "patience": ("train", "patience"),
    "watch": ("train", "watch"),
    "watch_every": ("train", "watch_every"),
    "stop_at": ("train", "stop_at"),
    "seed": ("run", "seed"),
    "backend": ("run", "backend"),
    "device": ("run", "device"),
    "kernel": ("run", "kernel"),
    "dtype": ("run", "dtype"),
    "threads": ("run", "threads"),
    "data_dir": ("run", "data_dir"),
}
ON_RESUME = {("train", key) for key in ("memory", "steps", "patience", "stop_at", "stop_at_loss")}
ON_RESUME |= {("train", key) for key in ("watch", "watch_every")}
ON_RESUME |= {("run", key) for key in ("backend", "device", "kernel", "deterministic", "threads", "data_dir")}


@click.command("run")
@click.argument("task", required=False)
@click.option("--length", type=int, help="Length of the synthetic tasks' sequences.")
@click.option("--layout", help="Of the MNIST tasks: pixels (784 steps), pooled (196) or rows (28).")
@click.option("--variant", help="Of copy: arjovsky, vorontsov, exprnn or dizzy.")
@click.option("--window", type=int, help="Of ptb-word: steps of time per batch.")
@click.option("--max-length", type=int, help="Of ptb-char: longest sentence kept.")
@click.option("--model", help="A published system, see `minirnn list models`.")
@click.option("--cell", help="Of the free composition (--model network): see `minirnn list cells`.")
@click.option("--parametrization", help="Of the free composition's recurrent matrix.")
@click.option("--activation", help="Of models with a choice.")
@click.option("--hidden-size", type=int, help="Units per layer.")
@click.option("--embedding-size", type=int, help="Length of the vector per symbol; 0 is one-hot.")
@click.option("--tied/--no-tied", default=None, help="Read out with the embedding's own table.")
@click.option("--layers", type=int, help="Depth of the stack.")
@click.option("--dropout", type=float, help="Between layers.")
@click.option("--rule", help="Update rule, see `minirnn list rules`.")
@click.option("--lr", type=float, help="Learning rate.")
@click.option("--clip-norm", type=float, help="Limit on the norm of all gradients together.")
@click.option("--schedule", help="Of the learning rate, see `minirnn list schedules`.")
@click.option("--batch-size", type=int)
@click.option("--accumulate", type=int, help="Batches per update, averaged as if they were one.")
@click.option("--steps", type=int, help="Updates in all.")
@click.option("--bptt", type=int, help="Truncate backpropagation to this many steps of time; 0 is full.")
@click.option("--memory", help="Of backpropagation: store, checkpoint or reversible, see `minirnn list memories`.")
@click.option("--evaluate-every", type=int, help="Updates between validations, each of which saves a checkpoint.")
@click.option("--patience", type=int, help="Stop after this many validations without improvement.")
@click.option("--watch", callback=names, metavar="NAME,...",
              help="Diagnostics to log while training, see `minirnn list diagnostics`.")
@click.option("--watch-every", type=int, help="Updates between them; default at every validation.")
@click.option("--stop-at", type=float, help="Stop when the task's goal metric reaches this value.")
@click.option("--seed", type=int)
@click.option("--backend", envvar="MINIRNN_BACKEND", help="numpy, cupy or auto.  [env: MINIRNN_BACKEND]")
@click.option("--device", type=int, help="Number of the CUDA device, from 0.")
@click.option("--kernel", help="Of a device's time loop: auto, step, elementwise or sequence.")
@click.option("--dtype", help="float32 or float64.")
@click.option("--threads", type=int, help="BLAS threads.")
@click.option("--data-dir", help="Folder of the data sets.  [env: MINIRNN_DATA]")
@click.option("--preset", metavar="NAME[/VARIANT]", help="An experiment of a paper, see `minirnn list presets`.")
@click.option("--scale", help="Of the preset: quick fits minutes on two cores; default as published.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="TOML file to start from.")
@click.option("--set", "assignments", multiple=True, metavar="TABLE.KEY=VALUE", help="Any key of the configuration.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Folder to write; default runs/<time>-<task>.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIR", help="Continue the run of a folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
def command(
    task: str | None, config_file: Path | None, assignments: tuple[str, ...], folder: Path | None, resume: Path | None,
    as_json: bool, quiet: bool, preset: str | None, scale: str | None, **options: Any,
) -> int:
    """Train a model on TASK, from the task's suggested settings, or an experiment of a paper.

    A run is a folder: config.toml (enough to run it again), metrics.jsonl, checkpoint.npz and curves.png. Ctrl-C
    finishes the step, saves, and says how to go on.

    \b
    Examples:
      minirnn run recall --length 100
      minirnn run copy --model irnn --hidden-size 128 --seed 1
      minirnn run adding --cell lstm --hidden-size 64 --lr 3e-3
      minirnn run sequential-mnist --layout pooled --data-dir ~/data
      minirnn run recall --model lstm --watch gradient-flow,spectrum --watch-every 100
      minirnn run recall --set optimizer.rule=rmsprop --set optimizer.options.rho=0.95
      minirnn run --preset chu-table-3/urnn-50 --scale quick
      minirnn run --config runs/a/config.toml --seed 2 --dir runs/b
      minirnn run --resume runs/a --steps 20000
    """
    given: toml.Tables = {}
    for option, (table, key) in OPTIONS.items():
        if options[option] is not None:
            given.setdefault(table, {})[key] = options[option]
    if {"cell", "parametrization"} & given.get("model", {}).keys():
        given["model"].setdefault("name", "network")
    given = toml.merge(given, toml.assignments(assignments))
    start = _preset(preset, scale, task or config_file or resume)
    if start and not quiet:
        _introduce(start)
    given = toml.merge(start.tables, given) if start else given
    run = _resumed(resume, task, config_file, folder, given) if resume else _created(task, config_file, folder, given)
    settings = run.trainer.config
    if settings.run.backend == "auto" and run.trainer.where == "numpy":
        click.echo(f"backend auto: using numpy, because {backend.cuda_status(settings.run.device).reason}", err=True)
    if settings.run.dtype == "float64" and run.trainer.where == "cupy":
        slower = backend.double_slowdown(settings.run.device)
        if slower > 2:
            click.echo(f"float64 is computed at 1/{slower} of the speed of float32 on this device: train in float32",
                       err=True)
    if (said := run.trainer.task.describe()) and not quiet:
        click.echo(said, err=True)
    memory.keep_freed_memory()
    goal, _ = run.trainer.task.goal
    label = f"{settings.task['name']} {settings.model['name']}"
    with threadpool_limits(settings.run.threads), Interruption() as interruption:
        with Live(label, run.trainer.step, settings.train.steps, goal, quiet) as live:
            for event in run.train():
                live.follow(event)
                if interruption.asked and not run.trainer.finished and event.step < settings.train.steps:
                    run.save()
                    go_on = f"minirnn run --resume {run.folder}"
                    click.echo(f"Interrupted at step {event.step}; go on with: {go_on}", err=True)
                    return 130
        test = run.test()
        run.log_tests(test)
    _report(run, test, as_json)
    return 0


def _preset(name: str | None, scale: str | None, other: Any) -> presets.Preset | None:
    """The layer under the command line that --preset names."""
    if name is None:
        if scale is not None:
            raise UsageError(f"--scale {scale} belongs to --preset; name one, see `minirnn list presets`")
        return None
    if other:
        raise UsageError("--preset names a whole experiment; leave out the task, --config and --resume")
    return presets.find(name, scale or "")


def _introduce(start: presets.Preset) -> None:
    """What the preset is, and what its source leaves open, on stderr."""
    lines = [f"{start.name}{', ' + start.scale if start.scale else ''}: {start.title}  [{start.source}]"]
    lines += [f"  published: {start.said()}"] if start.said() else []
    lines += [f"  unstated: {text}" for text in start.unstated]
    lines += [f"  differs: {text}" for text in start.differs]
    lines += [f"  about {presets.duration(start.minutes)} on one core"]
    click.echo("\n".join(lines), err=True)


def _created(task: str | None, config_file: Path | None, folder: Path | None, given: toml.Tables) -> Run:
    layers = [toml.load(config_file)] if config_file else []
    if task:
        layers.append({"task": {"name": task}})
    settings, built = config.resolve(*layers, given)
    if aside := folder is None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = Path("runs") / f"{stamp}-{settings.task['name']}-{settings.model['name']}"
    with threadpool_limits(settings.run.threads):
        return Run.create(folder, settings, built, aside)


def _resumed(
    resume: Path, task: str | None, config_file: Path | None, folder: Path | None, given: toml.Tables
) -> Run:
    if task or config_file or folder:
        raise UsageError("--resume continues a run as it was configured; leave out the task, --config and --dir")
    for table, keys in given.items():
        for key in keys:
            if (table, key) not in ON_RESUME:
                raise UsageError(f"--resume cannot change {table}.{key}: it would be another run; start one instead")
    return Run.resume(resume, given)


def _report(run: Run, tests: dict[str, dict[str, float]], as_json: bool) -> None:
    """The closing table or JSON, and the figure. The result is that of the best validation where there was one."""
    trainer, records = run.trainer, read_metrics(run.folder)
    baseline = trainer.task.baseline()
    test, tested = (tests["best"], trainer.best_step) if "best" in tests else (tests["last"], trainer.step)
    valid: dict[str, Any] = next((r for r in reversed(records) if (r["split"], r["step"]) == ("valid", tested)), {})
    epoch_seconds = [r["epoch_seconds"] for r in records if r["split"] == "epoch"]
    per_epoch = round(sum(epoch_seconds) / len(epoch_seconds), 1) if epoch_seconds else None
    if figures.available():
        figures.draw("curves", [SavedRun(run.folder, trainer.task)], run.folder / FIGURE)
    else:
        click.echo("no figure: pip install 'minirnn[plot]' draws one", err=True)
    seconds = round(run.elapsed(), 1)
    device = backend.device_memory(trainer.config.run.device) if trainer.where == "cupy" else None
    if as_json:
        result = {
            "folder": str(run.folder), "step": trainer.step, "ended_by": trainer.finished, "seconds": seconds,
            "parameters": trainer.model.size, "valid": {k: valid[k] for k in baseline if k in valid}, "test": test,
            "tested_step": tested, "test_last": tests["last"], "seconds_per_epoch": per_epoch, "baseline": baseline,
        }
        click.echo(json.dumps(result | ({"device_bytes": device.pool} if device else {})))
        return
    table = Table(title=f"{trainer.step} updates in {seconds:g} s, {trainer.model.size:,} parameters, "
                        f"ended by {trainer.finished}", title_justify="left")
    columns = {"validation": valid, "test": test, "test, last": tests["last"], "without memory": baseline}
    if tested == trainer.step:
        del columns["test, last"]
    if printed := presets.published(trainer.config.run.preset):
        columns["published, at full scale" if trainer.config.run.scale else "published"] = printed
    for heading in ("", *columns):
        table.add_column(heading, justify="right" if heading else "left")
    for name in test:
        table.add_row(name, *(score(name, found[name]) if name in found else "" for found in columns.values()))
    console = Console()
    console.print(table)
    if tested != trainer.step:
        console.print(f"Validation and test are those of step {tested}, the best validation", highlight=False)
    if per_epoch is not None:
        console.print(f"{per_epoch:g} s of training per epoch", highlight=False)
    if device is not None:
        most, total = backend.readable_bytes(device.pool), backend.readable_bytes(device.total)
        console.print(f"At most {most} of the device's {total} were held", highlight=False)
    console.print(Text(f"Written to {run.folder}"), soft_wrap=True)
