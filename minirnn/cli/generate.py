"""minirnn generate: let a language model write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from threadpoolctl import threadpool_limits

from minirnn import trained
from minirnn.cli.saved import changes, checkpoint_option, machine_options
from minirnn.errors import UsageError
from minirnn.generate import Greedy, Sample, generate
from minirnn.vocabulary import END, UNKNOWN, Vocabulary


@click.command("generate")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--prompt", default="", help="Text to go on from; a model of words needs none.")
@click.option("--length", type=int, default=100, show_default=True, help="Words or characters to write.")
@click.option("--greedy", is_flag=True, help="Always the most probable symbol.")
@click.option("--temperature", type=float, help="Sharpen (below 1) or flatten (above 1) the distribution; default 1.")
@click.option("--top-k", type=int, help="Draw among this many most probable symbols; default all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the drawing.")
@checkpoint_option
@click.option("--json", "as_json", is_flag=True, help="Print the text as JSON.")
@machine_options
def command(
    run: Path, prompt: str, length: int, greedy: bool, temperature: float | None, top_k: int | None, seed: int,
    which: str | None, as_json: bool, **machine: object,
) -> None:
    """Write a text with the language model that was trained in the folder RUN.

    A model of characters that has learnt where a sentence ends stops there.

    \b
    Examples:
      minirnn generate runs/a --prompt "the company said" --length 50
      minirnn generate runs/a --greedy
      minirnn generate runs/a --temperature 0.7 --top-k 40 --seed 1
    """
    chooser = _chooser(greedy, temperature, top_k, seed)
    if length < 1:
        raise UsageError(f"--length must be at least 1 (got {length}); it counts words or characters")
    trainer, about = trained.load_model(run, which or "", changes(machine))
    task = trainer.task
    if task.vocabulary is None:
        name = trainer.config.task["name"]
        raise UsageError(f"{run} was trained on {name}, which is no text; give a run of ptb-char or ptb-word")
    if top_k is not None and top_k > len(task.vocabulary):
        raise UsageError(f"--top-k must be at most the vocabulary's size, {len(task.vocabulary):,} (got {top_k:,})")
    ids = _prompt(task.vocabulary, prompt)
    with threadpool_limits(trainer.config.run.threads):
        written = list(generate(trainer.model, ids, length, chooser, task.vocabulary.ids.get("\n")))
    text = task.vocabulary.decode(written)
    if as_json:
        head = {"folder": str(run), "checkpoint": about["checkpoint"], "step": about["step"]}
        click.echo(json.dumps({**head, "prompt": prompt, "text": text}))
        return
    between = " " if prompt and task.vocabulary.words and not text.startswith("\n") else ""
    click.echo(prompt + between + text)


def _chooser(greedy: bool, temperature: float | None, top_k: int | None, seed: int) -> Any:
    if greedy:
        if temperature is not None or top_k is not None:
            raise UsageError("--greedy always takes the most probable symbol; leave out --temperature and --top-k")
        return Greedy()
    if top_k is not None and top_k < 1:
        raise UsageError(f"--top-k must be at least 1 (got {top_k}); leave it out to draw among all")
    return Sample(1.0 if temperature is None else temperature, top_k or 0, seed)


def _prompt(vocabulary: Vocabulary, prompt: str) -> list[int]:
    """The prompt's numbers, unknown symbols reported; words follow the end of a sentence, as in training."""
    ids, unknown = vocabulary.encode(prompt)
    if unknown:
        kind = "words" if vocabulary.words else "characters"
        fate = f"read as {UNKNOWN}" if vocabulary.words and UNKNOWN in vocabulary.ids else "left out"
        click.echo(f"Not in the vocabulary, {fate}: the {kind} {', '.join(map(repr, unknown))}", err=True)
    before = [vocabulary.ids[END]] if vocabulary.words and END in vocabulary.ids else []
    if not before and not len(ids):
        raise UsageError(f"there is nothing to go on from (got the prompt {prompt!r}); give --prompt a few characters")
    return before + [int(k) for k in ids]
