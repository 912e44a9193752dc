"""minirnn demo: a vanilla network cannot recall the first of 50 numbers; one that starts at the identity can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_limits

from minirnn import config, figures, memory
from minirnn.cli.live import Interruption, Live
from minirnn.diagnostics import jacobian_norms
from minirnn.errors import CheckFailed
from minirnn.figures.demo import demo
from minirnn.trainer import Trainer, build

LENGTH, BATCH, EXAMPLES = 50, 100, 8
STEPS = {"rnn": 4500, "urnn-exp": 8000, "irnn": 3000}
LABELS = {
    "rnn": "RNN as libraries start it",
    "urnn-exp": "orthogonal exp(B), B₀ = 0",
    "irnn": "free ReLU RNN, W₀ = I",
}
FAILS, SOLVES = 0.13, 0.995     # the bars: at most, for the library's start; at least, for the orthogonal network


@click.command("demo")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--quiet", is_flag=True, help="No progress.")
def command(folder: Path, seed: int, quiet: bool) -> None:
    """Train three networks to recall the first of 50 numbers, and draw accuracy and gradient norms.

    The first is started as libraries do and stays at chance. The second has an orthogonal recurrent matrix
    W = exp(B), started at W = I. The third is free, and merely starts at W = I. Exits 3 if the first two
    do not end on their sides of the bars.
    """
    memory.keep_freed_memory()
    folder.mkdir(parents=True, exist_ok=True)
    points: dict[str, list[tuple[int, float]]] = {}
    norms: dict[str, Any] = {}
    finals: dict[str, tuple[Trainer, dict[str, float]]] = {}
    with threadpool_limits(1), Interruption() as interruption:
        for name, label in LABELS.items():
            trainer = _trainer(name, seed)
            points[label] = []
            with Live(f"{label:26s}", 0, STEPS[name], "accuracy", quiet) as live:
                for event in trainer.train():
                    live.follow(event)
                    points[label] += [(r["step"], r["accuracy"]) for r in event.records if r["split"] == "valid"]
                    if interruption.asked:
                        raise KeyboardInterrupt
            finals[name] = trainer, trainer.evaluate("test")
            norms[label] = _norms(trainer)
    picture = folder / "recall.png"
    if figures.available():
        demo(points, norms, 1 / 10, f"recall the first of {LENGTH} numbers", picture)
    _close(finals, norms, picture)


def _trainer(name: str, seed: int) -> Trainer:
    settings, task = config.resolve({
        "task": {"name": "recall", "length": LENGTH},
        "model": {"name": name, "hidden_size": 50, "embedding_size": 30},
        "optimizer": {"rule": "adam", "lr": 1e-3},
        "train": {"batch_size": BATCH, "steps": STEPS[name], "evaluate_every": 100, "stop_at": 0.999},
        "run": {"seed": seed},
    })
    return build(settings, task)


def _norms(trainer: Trainer) -> Any:
    """‖∂h_T/∂h_t‖_F on unseen sequences, (T + 1, examples)."""
    batch = trainer.task.batch("test", EXAMPLES, trainer.config.run.seed, 0)
    return jacobian_norms(trainer.model.layers[0], trainer.model.encode(batch.x))


def _close(finals: dict[str, tuple[Trainer, dict[str, float]]], norms: dict[str, Any], picture: Path) -> None:
    """The closing table, and the bars."""
    table = Table(title=f"Recall the first of {LENGTH} numbers (chance 10 %)", title_justify="left")
    for heading in ("network", "updates", "test accuracy", "‖∂h_T/∂h_0‖"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for name, (trainer, test) in finals.items():
        norm = norms[LABELS[name]][0]
        span = f"{norm.min():.2g} to {norm.max():.2g}" if norm.max() > 1.01 * norm.min() else f"{norm.mean():.4g}"
        table.add_row(LABELS[name], str(trainer.step), f"{100 * test['accuracy']:.2f} %", span)
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "The orthogonal network keeps the gradient's norm at ‖I‖ = √50 = 7.071 exactly. The free one solves the task "
        "too: what both share, and the first lacks, is the start at W = I."
    )
    if picture.exists():
        console.print(Text(f"Figure: {picture}"), soft_wrap=True)
    fails, solves = finals["rnn"][1]["accuracy"], finals["urnn-exp"][1]["accuracy"]
    if fails > FAILS or solves < SOLVES:
        raise CheckFailed(
            f"the demo missed its bars: the library's start must stay at {100 * FAILS:g} % or below (got "
            f"{100 * fails:.2f}), the orthogonal network reach {100 * SOLVES:g} % (got {100 * solves:.2f})"
        )
