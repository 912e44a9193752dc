"""A target's page, NAME.md, and the same as NAME.json: published beside measured, with every seed."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from minirnn import checkpoint, presets
from minirnn.metrics import score
from minirnn.reproduction.judgement import Judgement
from minirnn.reproduction.rules import LEVEL, Finding, interval

WIDTH = 118


def write(folder: Path, judged: Judgement) -> tuple[Path, Path]:
    """Write (NAME.md, NAME.json) into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    name = judged.target.name
    content = {"md": page(judged), "json": json.dumps(judged.as_json(), indent=1, ensure_ascii=False) + "\n"}
    for suffix, text in content.items():
        checkpoint.replace(folder / f"{name}.{suffix}", lambda file: file.write(text.encode()))
    return folder / f"{name}.md", folder / f"{name}.json"


def page(judged: Judgement) -> str:
    """The page as Markdown."""
    target, at = judged.target, judged.target.scales[judged.scale]
    lines = [f"# {target.title}", "", f"[{target.source}]", "", *_wrapped(f"**Claim.** {target.claim}"), ""]
    lines += [*_wrapped(f"**Verdict: {judged.verdict}.** Scale {judged.scale}: {at['about']}."), ""]
    seeds = sorted({seed for found in judged.measured.values() for seed in found})
    lines += [f"{_words(target.metric)}, every seed:", ""]
    lines += _table(
        ["network", "published", f"mean, {LEVEL:.0%} interval", *(f"seed {seed}" for seed in seeds)],
        [[target.label(case), _number(judged, target.cases[case].get("published")), _measured(judged, found.values()),
          *(_number(judged, found.get(seed)) for seed in seeds)] for case, found in judged.measured.items()],
    )
    lines += ["", "What decides, and whether it is met:", "", *_findings(judged, judged.findings), ""]
    if judged.controls:
        lines += ["Controls, which do not decide:", "", *_findings(judged, judged.controls), ""]
        lines += [line for found in judged.controls if found.follows for line in (*_wrapped(found.follows), "")]
    if judged.failed:
        lines += ["Runs that failed, and have no number:", "", *_items(judged.failed), ""]
    lines += [
        *_wrapped(
            f"An interval is x̄ ± t s/√n over the seeds. A rule is met if its whole {LEVEL:.0%} interval lies on the "
            "stated side, missed if all of it lies on the other, else undecided. A difference is taken seed by seed."
        ),
        "",
    ]
    if open_questions := _open(judged):
        lines += ["What the source leaves open, and what stands in for it; what is done otherwise:", ""]
        lines += [*_items(open_questions), ""]
    return "\n".join([*lines, *_made(judged)]) + "\n"


def _findings(judged: Judgement, findings: tuple[Finding, ...]) -> list[str]:
    rows = [[found.statement, _measured(judged, found.values.values()), found.outcome] for found in findings]
    return _table(["rule", f"mean, {LEVEL:.0%} interval", "met"], rows)


def _measured(judged: Judgement, values) -> str:
    mean, low, high = interval(values)
    if mean != mean:
        return "none"
    if high == float("inf"):
        return f"{_number(judged, mean)}, one seed"
    return f"{_number(judged, mean)}, {_number(judged, low)} to {_number(judged, high)}"


def _number(judged: Judgement, value: float | None) -> str:
    return "" if value is None else score(judged.target.metric, value)


def _open(judged: Judgement) -> list[str]:
    """What the target and the presets of its cases say, each once."""
    scale = judged.target.scales[judged.scale].get("preset_scale", "")
    named = [case["preset"] for case in judged.target.cases.values() if "preset" in case]
    found = [presets.find(name, scale) for name in named]
    texts = [text for preset in found for text in (*preset.unstated, *preset.differs)]
    return list(dict.fromkeys([*judged.target.chose, *texts]))


def _made(judged: Judgement) -> list[str]:
    """The command, the cost, the machine and the versions."""
    rows = [row for row in judged.rows if row["seconds"] is not None]
    spent = presets.duration(sum(row["seconds"] for row in rows) / 60)
    seeds = len({row["run.seed"] for row in judged.rows})
    origins = sorted({
        f"{r['machine']}. minirnn {r['minirnn']}, NumPy {r['numpy']}, Python {r['python']}"
        + (f", commit {r['commit']}" if r["commit"] else "") for r in rows
    })
    updates = ", ".join(
        f"{judged.target.label(case)} {' / '.join(str(r['steps']) for r in rows if r['case'] == case)}"
        for case in judged.target.cases
    )
    return [
        "```text",
        f"minirnn reproduce {judged.target.name} --scale {judged.scale} --seeds {seeds}",
        "```",
        "",
        *_wrapped(f"Updates, by seed: {updates}. In all {spent} of training. {'; '.join(origins)}."),
    ]


def _words(metric: str) -> str:
    """test_best_accuracy -> Test accuracy of the best validation"""
    split, which, *name = metric.split("_")
    place = {"best": "of the best validation", "last": "after the last update"}.get(which, which)
    return f"{split.capitalize()} {' '.join(name)} {place}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:]]


def _items(texts) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(f"* {text}", WIDTH, subsequent_indent="  ",
                                                           break_long_words=False, break_on_hyphens=False)]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
