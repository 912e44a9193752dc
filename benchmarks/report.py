"""What was measured, as a table on a terminal and as the page docs/results/performance.md.

The page is a function of the JSON beside it, so that no number on it is typed by hand.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.table import Table

from .breakdown import PARTS
from .measure import Result

WORDS = {True: "yes", False: "**no**", None: ""}
COLUMNS = ("workload", "minirnn", "ms", "compared with", "ms", "ratio (smallest to largest)", "must", "aim", "holds")


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def load() -> float | None:
    """How many processes wanted to run, on average over the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def found(
    results: list[Result], rounds: int, date: str, load: float | None, parts: dict[str, Any]
) -> dict[str, Any]:
    """Everything measured, for JSON: where and how, the results, and where the time goes (`breakdown`).

    date, load   when the measuring began, and what else ran then
    """
    versions = {f"Python {platform.python_version()}", f"NumPy {np.__version__}"}
    versions |= {part for r in results for a in r.agreement.values() for part in a["ready"].split(", ")}
    return {
        "date": date, "load": load, "processor": processor(), "processors": os.cpu_count(),
        "system": platform.platform(),
        "versions": sorted(versions, key=str.lower), "rounds": rounds, "results": [r.summary() for r in results],
        "breakdown": parts,
    }


def rows(result: dict[str, Any]) -> list[list[str]]:
    """One workload's comparisons in the order of COLUMNS."""
    made = []
    for c in result["comparisons"]:
        ratio = f"{c['median']:#.3g} ({min(c['ratios']):#.3g} to {max(c['ratios']):#.3g})"
        bars = [f"{c[bar]:.2f}" if c[bar] is not None and result["threads"] == 1 else "" for bar in ("must", "aim")]
        ours, theirs = (f"{median(result['ms'][name]):.1f}" for name in (c["ours"], c["peer"]))
        holds = WORDS[c["holds"]]
        if c["holds"] and c["median"] <= c["aim"]:
            holds = "yes, and the aim"
        made.append([c["workload"], _variant(c), ours, c["peer"], theirs, ratio, *bars, holds])
    return made


def _variant(comparison: dict[str, Any]) -> str:
    return comparison["ours"].removeprefix("minirnn").strip() or "free matrix"


def table(result: Result) -> Table:
    """One workload at one number of threads, for a terminal."""
    threads = f"{result.threads} thread{'s' * (result.threads > 1)}"
    title = f"{result.workload.name}, {result.workload.title}: one training step, {threads}; medians of the rounds"
    made = Table(title=title, title_justify="left")
    for column in COLUMNS[1:]:
        made.add_column(column)
    for row in rows(result.summary()):
        made.add_row(*(cell.replace("**", "") for cell in row[1:]))
    return made


def page(numbers: dict[str, Any]) -> str:
    """docs/results/performance.md."""
    counts = sorted({r["threads"] for r in numbers["results"]})
    options = " --variants" if any(r["variants"] for r in numbers["results"]) else ""
    options += "".join(f" --threads {k}" for k in counts)
    text = [
        "# Performance", "",
        f"Written by `minirnn bench{options} --rounds {numbers['rounds']} --write docs/results` on",
        f"{numbers['date']}, from the numbers in performance.json beside this page. {numbers['processor']},",
        f"{numbers['processors']} processors, load {numbers['load']} when it began; {numbers['rounds']} rounds;",
        f"{', '.join(numbers['versions'])}.", "",
        "One training step is forward, full backpropagation through time and an update of all parameters, in",
        "float32. Each engine runs in its own process; they take turns. Milliseconds are medians over the rounds;",
        "ratios are medians of the rounds' ratios, with the smallest and the largest: below 1, minirnn is faster. The",
        "GEMM limit is the time of the matrix products alone at the rate of a large square product, measured in the",
        "same round. Before timing, every peer showed the same loss and the same gradients from the same weights.",
        "Methods, workloads and peers: benchmarks/README.md.", "",
    ]
    for k in counts:
        results = [r for r in numbers["results"] if r["threads"] == k]
        text += [f"## {k} thread{'s' * (k > 1)}", "", *_verdict(results, k)]
        text += [*_markdown(COLUMNS, [row for r in results for row in rows(r)]), "", *_skipped(results)]
    results = [r for r in numbers["results"] if r["threads"] == counts[0]]
    text += ["## Memory", "", "MiB that the process holds at most, over what it held before the first step.", ""]
    text += _markdown(("workload", "engine", "before", "steps add"), _memory(results))
    text += ["", "## Agreement", "", "The worst relative difference from minirnn's loss and gradients, and where.", ""]
    text += _markdown(("workload", "peer", "difference", "where"), [
        [r["workload"]["name"], name, f"{a['worst']:.0e}", a["where"]]
        for r in results for name, a in r["agreement"].items()
    ])
    text += ["", "## Where the time goes", "", *_breakdown(numbers["breakdown"])]
    text += _aims(numbers["breakdown"], [r for r in numbers["results"] if r["threads"] == 1])
    return "\n".join(text) + "\n"


def _verdict(results: list[dict[str, Any]], threads: int) -> list[str]:
    if threads != 1:
        return ["The bars are set for one thread.", ""]
    barred = [c for r in results for c in r["comparisons"] if c["must"] is not None]
    hold = sum(bool(c["holds"]) for c in barred)
    aims = sum(c["median"] <= c["aim"] for c in barred)
    return [f"Bars that hold: {hold} of {len(barred)}; aims reached: {aims}.", ""]


def _skipped(results: list[dict[str, Any]]) -> list[str]:
    names = {name: None for r in results for name in r["skipped"]}
    return [f"Not installed and skipped: {', '.join(names)}.", ""] if names else []


def _memory(results: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [r["workload"]["name"], name, f"{before:.0f}", f"{most - before:.0f}"]
        for r in results for name, (before, most) in r["memory"].items()
    ]


def _breakdown(parts: dict[str, Any]) -> list[str]:
    if not parts:
        return ["Not measured in this run."]
    text = [
        "Of one step of minirnn at one thread, in milliseconds. Each NumPy operation of a step is noted with its",
        "shapes and strides, and timed again alone, on data in the cache. *Products*: matrix products. *Elementwise*:",
        "the other operations, less the calls. *Calls*: their number times what the operation costs on one number.",
        "*Softmax* and *update*: timed as they run. Each is the best of several times, and so is the step. *Rest*: the",
        "remainder, which is Python, copies, and waiting for memory.", "",
    ]
    table = [
        [name, f"{p['step']:.1f}", *(f"{p[part]:.1f} ({p[part] / p['step']:.0%})" for part in PARTS),
         f"{p['products_called']} + {p['others_called']}"]
        for name, p in parts.items()
    ]
    return text + _markdown(("workload", "step", *PARTS, "products + other operations"), table)


def _aims(parts: dict[str, Any], results: list[dict[str, Any]]) -> list[str]:
    """The aims that were not reached, beside what the profile says that a step's own operations take of that time."""
    table = []
    for r in results:
        ms, p = {name: median(times) for name, times in r["ms"].items()}, parts.get(r["workload"]["name"])
        for c in r["comparisons"]:
            if p and c["aim"] is not None and c["median"] > c["aim"]:
                aim, ours, free = c["aim"] * ms[c["peer"]], ms[c["ours"]], ms["minirnn"]
                times = aim, ours, p["products"], p["step"] - p["rest"], ours - free
                shown = (f"{c['median']:.2f}", f"{c['aim']:.2f}", *(f"{x:.1f}" for x in times))
                table.append([c["workload"], _variant(c), c["peer"], *shown])
    if not table:
        return []
    text = [
        "", "## Aims not reached", "",
        "An aim in milliseconds is its ratio times what it is compared with. Beside it stand, from the profile, the",
        "products of a step and all its operations: where they alone take as long as the aim, it is out of reach of",
        "this BLAS, or of one NumPy call for each operation. Where they take less, what is left is Python, copies,",
        "waiting for memory, and *constraint*, what a step takes longer than with a free matrix. The profile is the",
        "best of its repetitions and the step a median, so that on a busy machine the step is a little the longer.", "",
    ]
    columns = ("workload", "minirnn", "compared with", "ratio", "aim", "aim, ms", "step, ms", "products",
               "all operations", "constraint")
    return text + _markdown(columns, table)


def _markdown(columns: tuple[str, ...], table: list[list[str]]) -> list[str]:
    lines = [list(columns), ["---"] * len(columns), *table]
    return [f"| {' | '.join(line)} |" for line in lines]

