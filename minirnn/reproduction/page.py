"""A target's page: published beside measured, with every seed."""

from __future__ import annotations

from minirnn import presets
from minirnn.reproduction import markdown
from minirnn.reproduction.judgement import Judgement
from minirnn.reproduction.rules import LEVEL, Finding, Row, interval
from minirnn.reproduction.target import Line
from minirnn.reproduction.wording import shown, words

OURS = "The experiment is our own design: the source makes the claim without such a table, or its text was not at hand."
UNREACHED = "not reached"
INTERVAL = (
    f"An interval is x̄ ± t s/√n over the seeds. A rule is met if its whole {LEVEL:.0%} interval lies on the stated "
    "side, missed if all of it lies on the other, else undecided. A difference or a ratio is taken seed by seed; "
    "of a ratio, x are the logarithms."
)


def page(judged: Judgement, picture: str = "") -> str:
    """The page as Markdown; `picture` is the file name of its curves."""
    target, at = judged.target, judged.target.scales[judged.scale]
    lines = [f"# {target.title}", "", f"[{target.source}]", "", *markdown.wrapped(f"**Claim.** {target.claim}"), ""]
    if target.design:
        lines += [*markdown.wrapped(OURS), ""]
    lines += [*markdown.wrapped(f"**Verdict: {judged.verdict}.** Scale {judged.scale}: {at['about']}."), ""]
    if left_out := at.get("leave_out"):
        said = f"Left out at this scale: {', '.join(target.label(case) for case in left_out)}."
        lines += [*markdown.wrapped(said), ""]
    if target.published_as:
        lines += [*markdown.wrapped(f"**Published.** {target.published_as}"), ""]
    for metric in judged.metrics:
        lines += [*_measurements(judged, metric), ""]
    lines += ["What decides, and whether it is met:", "", *_findings(judged.findings), ""]
    if judged.controls:
        lines += ["Controls, which do not decide:", "", *_findings(judged.controls), ""]
        follows = dict.fromkeys(found.follows for found in judged.controls if found.follows)
        lines += [line for text in follows for line in (*markdown.wrapped(text), "")]
    if judged.failed:
        lines += ["Runs that failed, and have no number:", "", *markdown.items(judged.failed), ""]
    lines += [*markdown.wrapped(INTERVAL), ""]
    if picture:
        lines += [f"![Curves against updates, one colour per network and one line per seed.]({picture})", ""]
    if target.sensitivity:
        lines += ["How much it depends on what was chosen:", "", *markdown.items(target.sensitivity), ""]
    if open_questions := _open(judged):
        lines += ["What the source leaves open, and what stands in for it; what is done otherwise:", ""]
        lines += [*markdown.items(open_questions), ""]
    return "\n".join([*lines, *_made(judged)]) + "\n"


def measured(metric: str, mean: float, low: float, high: float) -> str:
    """Mean and interval of the seeds' numbers."""
    if mean != mean:
        return "none"
    if high == float("inf"):
        return f"{shown(metric, mean)}, one seed"
    return f"{shown(metric, mean)}, {shown(metric, low)} to {shown(metric, high)}"


def said(judged: Judgement, line: Line, metric: str) -> str:
    """What the source prints, as it is or as a number of the metric."""
    found = "" if line.where else judged.target.published(line.case, metric)
    return found if isinstance(found, str) else "" if found is None else shown(metric, found)


def _measurements(judged: Judgement, metric: str) -> list[str]:
    """A metric of its lines, every seed."""
    lines = judged.lines(metric)
    seeds = sorted({row["run.seed"] for row in judged.rows})
    cells = [
        [line.label, said(judged, line, metric), measured(metric, *interval(judged.measured(line, metric).values())),
         *(_cell(metric, row) for row in _of(judged.runs(line), seeds))] for line in lines
    ]
    name = words(metric, judged.target.names)
    heading = [f"{name[0].upper()}{name[1:]}, every seed:"]
    if any(UNREACHED in cell for row in cells for cell in row):
        heading = markdown.wrapped(f"{heading[0][:-1]}. A run that did not reach the goal counts with all its updates.")
    head = ["network", "published", f"mean, {LEVEL:.0%} interval", *(f"seed {seed}" for seed in seeds)]
    if not any(row[1] for row in cells):
        del head[1]
        cells = [[row[0], *row[2:]] for row in cells]
    return [*heading, "", *markdown.table(head, cells)]


def _of(runs: list[Row], seeds: list[int]) -> list[Row]:
    by_seed = {row["run.seed"]: row for row in runs}
    return [by_seed.get(seed, {}) for seed in seeds]


def _cell(metric: str, row: Row) -> str:
    if row.get(metric) is None:
        return ""
    reached = metric != "steps" or row["ended_by"] != "steps"
    return shown(metric, row[metric]) if reached else f"{shown(metric, row[metric])}, {UNREACHED}"


def _findings(findings: tuple[Finding, ...]) -> list[str]:
    rows = [[x.statement, measured(x.metric, x.mean, x.low, x.high), x.outcome] for x in findings]
    return markdown.table(["rule", f"mean, {LEVEL:.0%} interval", "met"], rows)


def _open(judged: Judgement) -> list[str]:
    """What the target and the presets of its cases say, each once."""
    scale = judged.target.scales[judged.scale].get("preset_scale", "")
    named = [case["preset"] for case in judged.target.kept(judged.scale).values() if "preset" in case]
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
        f"{line.label} {' / '.join(str(r['steps']) for r in judged.runs(line) if r['steps'] is not None)}"
        for line in judged.target.lines(judged.scale)
    )
    return [
        "```text",
        f"minirnn reproduce {judged.target.name} --scale {judged.scale} --seeds {seeds}",
        "```",
        "",
        *markdown.wrapped(f"Updates, by seed: {updates}. In all {spent} of training. {'; '.join(origins)}."),
    ]
