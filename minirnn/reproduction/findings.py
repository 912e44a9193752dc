"""The page of findings, index.md: every verdict in one table, between marks; what stands around it is hand-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minirnn import checkpoint
from minirnn.errors import UsageError
from minirnn.reproduction import markdown
from minirnn.reproduction.rules import YES
from minirnn.reproduction.wording import shown, words

PAGE = "index.md"
BEGIN, END = "<!-- verdicts: begin, written by minirnn reproduce --findings -->", "<!-- verdicts: end -->"


def update(folder: Path) -> Path:
    """Write the table of the folder's verdicts into its index.md, and leave everything else there as it is.

    raises   UsageError if there is no verdict, or a page without the two marks
    """
    found = sorted(folder.glob("*/*.json"))
    if not found:
        raise UsageError(f"there are no verdicts in {folder}; run `minirnn reproduce` first, or name its --out")
    path = folder / PAGE
    text = path.read_text(encoding="utf-8") if path.exists() else f"# Findings\n\n{BEGIN}\n{END}\n"
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UsageError(f"{path} has no place for the table; put the lines {BEGIN} and {END} there")
    table = verdicts([json.loads(file.read_text(encoding="utf-8")) for file in found])
    made = "\n".join([*([before + BEGIN]), "", *table, "", END]) + after
    checkpoint.replace(path, lambda file: file.write(made.encode()))
    return path


def verdicts(found: list[dict[str, Any]]) -> list[str]:
    """One row per target: its claim, its verdict, the main numbers beside the published, and the rules not met."""
    counts: dict[str, int] = {}
    for judged in found:
        counts[judged["verdict"]] = counts.get(judged["verdict"], 0) + 1
    total = ", ".join(f"{verdict}: {n}" for verdict, n in sorted(counts.items()))
    rows = [
        [f"[{judged['target']}]({judged['target']}.md)",
         judged["claim"] + " (Our own design.)" * bool(judged["design"]),
         f"**{judged['verdict']}** ({judged['scale']})", _numbers(judged), _missed(judged)] for judged in found
    ]
    head = ["target", "claim", "verdict (scale)", "measured (published)", "rules that are not met"]
    return [*markdown.wrapped(f"{len(found)} targets. {total}."), "", *markdown.table(head, rows)]


def _numbers(judged: dict[str, Any]) -> str:
    """The means of the target's metric, each with what the source prints."""
    metric = judged["metric"]
    parts = [f"{line['label']} {_mean(metric, line)}{_published(metric, line)}" for line in judged["tables"][metric]]
    return f"{words(metric)}: {'; '.join(parts)}"


def _mean(metric: str, line: dict[str, Any]) -> str:
    mean = line["mean"]
    return "none" if mean is None or mean != mean else shown(metric, mean)


def _published(metric: str, line: dict[str, Any]) -> str:
    said = line["published"]
    return "" if said is None else f" ({said if isinstance(said, str) else shown(metric, said)})"


def _missed(judged: dict[str, Any]) -> str:
    missed = [found for found in judged["findings"] if found["outcome"] != YES]
    return "; ".join(f"{found['statement']}: {found['outcome']}" for found in missed)
