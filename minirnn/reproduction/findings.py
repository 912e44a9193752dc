"""The page of findings, index.md: every verdict in one table, between marks; what stands around it is hand-written."""

from __future__ import annotations

import json
from collections import Counter
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

    raises   UsageError if there is no verdict, a file that is none, or a page without the two marks
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
    made = "\n".join([before + BEGIN, "", *verdicts([_read(file) for file in found]), "", END]) + after
    checkpoint.replace(path, lambda file: file.write(made.encode()))
    return path


def _read(file: Path) -> dict[str, Any]:
    try:
        judged = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as a verdict ({error}); move it away, or reproduce it again") from None
    if not (isinstance(judged, dict) and {"verdict", "tables", "names"} <= judged.keys()):
        raise UsageError(f"{file} is no verdict of this version; move it away, or reproduce it again")
    return judged


def verdicts(found: list[dict[str, Any]]) -> list[str]:
    """Every claim with its verdict and the rules that are not met; then every published number beside the measured."""
    counts = Counter(judged["verdict"] for judged in found)
    total = ", ".join(f"{verdict}: {n}" for verdict, n in counts.most_common())
    claims = [[_link(judged), judged["claim"] + " (Our own design.)" * bool(judged["design"]),
               f"**{judged['verdict']}** ({judged['scale']})", _missed(judged)] for judged in found]
    numbers = [
        [_link(judged), line["label"], words(metric, judged["names"]), _published(metric, line), _mean(metric, line)]
        for judged in found for metric, lines in judged["tables"].items() for line in lines
        if line["published"] is not None
    ]
    return [
        *markdown.wrapped(f"{len(found)} target{'s' * (len(found) > 1)}. {total[0].upper()}{total[1:]}."), "",
        *markdown.table(["target", "claim", "verdict (scale)", "rules that are not met"], claims), "",
        "Every published number beside the mean over the seeds:", "",
        *markdown.table(["target", "network", "what", "published", "measured"], numbers),
    ]


def _link(judged: dict[str, Any]) -> str:
    return f"[{judged['target']}]({judged['target']}.md)"


def _mean(metric: str, line: dict[str, Any]) -> str:
    mean = line["mean"]
    return "none" if mean is None or mean != mean else shown(metric, mean)


def _published(metric: str, line: dict[str, Any]) -> str:
    said = line["published"]
    return said if isinstance(said, str) else shown(metric, said)


def _missed(judged: dict[str, Any]) -> str:
    missed = [found for found in judged["findings"] if found["outcome"] != YES]
    return "; ".join(f"{found['statement']}: {found['outcome']}" for found in missed)
