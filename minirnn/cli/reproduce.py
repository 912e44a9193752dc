"""minirnn reproduce: a claim of a paper, run and judged."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
import tomli_w
from rich.console import Console
from rich.table import Table
from rich.text import Text

from minirnn import presets, reproduction
from minirnn.cli import sweep
from minirnn.cli.saved import changes, machine_options
from minirnn.errors import UsageError
from minirnn.reproduction import Judgement, Target, findings
from minirnn.reproduction.diagnosed import diagnosed
from minirnn.reproduction.page import said
from minirnn.reproduction.rules import interval
from minirnn.reproduction.wording import shown
from minirnn.reproduction.written import write
from minirnn.sweeps import Ledger, plan, results


@click.command("reproduce")
@click.argument("targets", metavar="[TARGET...]", nargs=-1)
@click.option("--list", "listed", is_flag=True, help="List the targets, with claim and cost.")
@click.option("--scale", type=click.Choice(reproduction.SCALES), default="quick", show_default=True)
@click.option("--seeds", type=click.IntRange(1), help="How many seeds; default: as many as the scale says.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path("reproduced"), show_default=True,
              help="Where the runs are kept, in TARGET-SCALE.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"), show_default=True,
              help="Where TARGET.md, TARGET.json and TARGET.png are written.")
@click.option("--findings", "summed_up", is_flag=True,
              help="Write all verdicts of --out into its index.md; run nothing.")
@click.option("--workers", type=click.IntRange(1), help="Processes on this machine; default: its cores by --threads.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="Of a running dask cluster that sees the same files.")
@click.option("--json", "as_json", is_flag=True, help="Print the judgements as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
@machine_options
def command(
    targets: tuple[str, ...], listed: bool, scale: str, seeds: int | None, folder: Path, out: Path,
    summed_up: bool, workers: int | None, scheduler: str, as_json: bool, quiet: bool, **machine: Any,
) -> int:
    """Run what a paper claims, and say whether it holds: TARGETs, all of a paper's, or all of them.

    Each target is a sweep: it goes on where it was left, and what has been run is only judged anew. The verdict is
    "holds" or, with settings changed to be affordable, "holds at this scale", "does not hold", or "undecided". Whatever
    it is, the exit code is 0: a claim that does not hold is a result.

    \b
    Examples:
      minirnn reproduce --list
      minirnn reproduce chu/table-3
      minirnn reproduce chu --scale standard --seeds 5
      minirnn reproduce --findings
    """
    if summed_up:
        if targets or listed:
            raise UsageError("--findings sums up what is in --out and runs nothing; leave targets and --list out")
        click.echo(f"Written to {findings.update(out)}")
        return 0
    chosen = reproduction.select(targets)
    if listed:
        _list(chosen, as_json)
        return 0
    for target in chosen:
        if scale not in target.scales and target.name in targets:
            raise UsageError(f"{target.name} has no scale {scale}; choose one of: {', '.join(target.scales)}")
        if scale not in target.scales:
            click.echo(f"{target.name} is left out: it has no scale {scale}", err=True)
    chosen = [target for target in chosen if scale in target.scales]
    words = ["minirnn", "reproduce", *targets, "--scale", scale, *(["--seeds", str(seeds)] if seeds else [])]
    again = shlex.join(words)
    judgements = []
    for target in chosen:
        if not quiet:
            cost = presets.duration(target.scales[scale]["minutes"])
            click.echo(f"{target.name}: {target.claim}  [{target.source}]\n  {scale}: about {cost}", err=True)
        grid = target.sweep(scale, seeds)
        jobs = plan(grid, changes(machine))
        place = (folder / f"{target.name}-{scale}").resolve()
        content = tomli_w.dumps({"title": grid.title, "cases": grid.cases, "grid": grid.grid}).encode()
        if sweep.run(place, content, jobs, again, workers=workers, scheduler=scheduler, quiet=quiet):
            return 130
        rows = diagnosed(target, results.rows(jobs, Ledger(place)), place / "runs", machine.get("data_dir") or "")
        judged = reproduction.judge(target, scale, rows)
        judgements.append(judged)
        written = write(out, judged, place / "runs")
        if not as_json:
            _print(judged, written)
    if as_json:
        click.echo(json.dumps([judged.as_json() for judged in judgements], ensure_ascii=False))
    return 0


def _print(judged: Judgement, written: Path) -> None:
    """The verdict, and published against measured with every seed."""
    console, target = Console(highlight=False), judged.target
    console.print(Text(f"{target.name}: {judged.verdict}", style="bold"))
    table = Table(show_edge=False, box=None, pad_edge=False)
    for heading in ("network", "published", "mean", "seeds"):
        table.add_column(heading, justify="left" if heading == "network" else "right")
    for line in judged.lines(target.metric):
        found = judged.measured(line, target.metric)
        mean = shown(target.metric, interval(found.values())[0]) if found else "none"
        seeds = "  ".join(shown(target.metric, x) for x in found.values())
        table.add_row(Text(line.label), Text(said(judged, line, target.metric)), mean, seeds)
    console.print(table)
    for kind, decided in (("rule", judged.findings), ("control", judged.controls)):
        for finding in decided:
            console.print(Text(f"{kind}: {finding.statement}: {finding.outcome}"), soft_wrap=True)
            if finding.follows:
                console.print(Text(f"  {finding.follows}"), soft_wrap=True)
    for failed in judged.failed:
        console.print(Text(f"failed: {failed}"), soft_wrap=True)
    console.print(Text(f"Written to {written}"), soft_wrap=True)


def _list(targets: list[Target], as_json: bool) -> None:
    """Claim, source, and the cost of each scale."""
    if as_json:
        shown = {t.name: {"claim": t.claim, "source": t.source,
                          "minutes": {scale: at["minutes"] for scale, at in t.scales.items()}} for t in targets}
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    for t in targets:
        costs = ", ".join(f"{scale} {presets.duration(at['minutes'])}" for scale, at in t.scales.items())
        click.echo(f"{t.name}  {t.claim}  [{t.source}]\n  {costs}")
