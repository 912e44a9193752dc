"""What a report says about a run in words and tables; whatever cannot be found out is left empty, never guessed."""

from __future__ import annotations

import inspect
import shlex
from typing import Any

import numpy as np

from minirnn import catalog, checkpoint, presets
from minirnn.errors import UsageError
from minirnn.metrics import score
from minirnn.run_folder import CHECKPOINT, CONFIG
from minirnn.saved_run import SavedRun, as_json

PARTS = ("cells", "activations", "parametrizations", "regularizers", "losses")
ENDED = {"steps": "", "stop_at": ", its goal reached", "stop_at_loss": ", its loss reached",
         "patience": ", no better for long"}


def status(run: SavedRun) -> str:
    """Whether the run is finished, in a few words."""
    about, steps = run.about, run.get("train", "steps", None)
    if why := about.get("finished"):
        return f"finished after {run.step or about['step']:,} updates{ENDED.get(why, f', by {why}')}"
    done = max(run.step, about.get("step", 0))
    return f"unfinished: {done:,} of {steps:,} updates" if isinstance(steps, int) else f"unfinished: {done:,} updates"


def facts(run: SavedRun) -> list[tuple[str, str]]:
    """The few things a reader asks first."""
    found = [(catalog.singular(kind), _summary(kind, run.get(kind[:-1], "name"))) for kind in ("tasks", "models")]
    found += [("seed", as_json(run.get("run", "seed", 0))), ("training time", duration(run.seconds))]
    best = run.about.get("best_step")
    found += [("best validation", f"at update {best:,}")] if isinstance(best, int) else []
    return [(name, text) for name, text in found if text]


def results(run: SavedRun) -> dict[str, dict[str, float]]:
    """{column: {metric: value}}: validation, test, test of the last parameters, without memory, published.

    Validation and test are of the best validation where there was one, as the command that trains reports them.
    """
    tests = {r.get("parameters"): r for r in run.of("test")}
    best, valid = run.about.get("best_step"), run.of("valid")
    chosen = next((r for r in reversed(valid) if r["step"] == best), valid[-1] if valid else {})
    test = tests.get("best") or tests.get("last") or {}
    found = {"validation": chosen, "test": test, "without memory": run.baseline, "published": run.published}
    if "best" in tests and "last" in tests:
        found["test, last"] = tests["last"]
    wanted = {"loss", run.goal, *run.baseline, *run.published}
    for name, record in found.items():
        found[name] = {k: v for k, v in record.items() if k in wanted and isinstance(v, int | float)}
    return {name: values for name, values in found.items() if values}


def outcome(run: SavedRun) -> dict[str, Any]:
    """The table of results, metrics down and columns across."""
    found = results(run)
    others = [name for column, values in found.items() if column != "published" for name in values]
    metrics = list(dict.fromkeys(["loss", run.goal, *others]))      # what was only published stands with the preset
    found = {column: values for column, values in found.items() if any(name in values for name in metrics)}
    headings = {"published": "published, at full scale" if run.get("run", "scale") else "published"}
    rows = [(name.replace("_", " "), [score(name, values[name]) if name in values else "" for values in found.values()])
            for name in metrics if any(name in values for values in found.values())]
    measured = "validation" in found or "test" in found
    return {"headings": [headings.get(name, name) for name in found], "rows": rows, "measured": measured}


def preset(run: SavedRun) -> dict[str, Any] | None:
    """What the source of the preset says, leaves open, and what is done otherwise here."""
    label, scale = str(run.get("run", "preset")), str(run.get("run", "scale"))
    try:
        found = presets.find(label, scale) if label else None
    except UsageError as error:
        run.missing.append(f"the preset: {error}")
        return None
    return None if found is None else {
        "name": found.name, "scale": found.scale, "title": found.title, "source": found.source, "said": found.said(),
        "unstated": found.unstated, "differs": found.differs,
    }


def equations(run: SavedRun) -> list[dict[str, str]]:
    """The model's parts with their docstrings, as `minirnn explain` shows them: equations, shapes, sources."""
    try:
        trainer = run.trainer
    except UsageError as error:
        run.missing.append(f"the equations: {error}")
        return []
    every = [(kind, *item) for kind in PARTS for item in catalog.components(kind).items()]
    kinds: dict[Any, tuple[str, str]] = {component: (catalog.singular(kind), name) for kind, name, component in every}
    parts = [part for _, part in trainer.model.parts()] + [trainer.loss]
    parts += [r for layer in trainer.model.layers for r in layer.regularizers]
    parts += [layer.cell.f for layer in trainer.model.layers if hasattr(layer.cell, "f")]
    used = set(map(type, parts))
    classes = [component for component in kinds if component in used]
    name = str(run.get("model", "name"))
    model = catalog.components("models").get(name)
    found = [{"kind": "model", "name": name, "text": inspect.getdoc(model) or ""}] if model else []
    return found + [{"kind": kinds[c][0], "name": kinds[c][1], "text": inspect.getdoc(c) or ""} for c in classes]


def parameters(run: SavedRun) -> dict[str, Any] | None:
    """Name, shape, count, manifold and update rule of every parameter; without the last two if only arrays are left."""
    try:
        trainer = run.trainer
    except UsageError:
        return _arrays(run)
    model, rows = trainer.model, []
    rules = {component: name for name, component in catalog.components("rules").items()}
    for name, x in model.params.items():
        rule = trainer.optimizer.rules[name]
        said = f"{rules[type(rule)]}, rate {rule.lr:.3g}"
        rows.append([name, shape(x), f"{count(x):,}", model.manifold.get(name, ""), said])
    return {"headings": ["parameter", "shape", "real numbers", "manifold", "update rule"], "rows": rows,
            "total": f"{model.size:,}"}


def configuration(run: SavedRun) -> list[dict[str, Any]]:
    """The tables of the configuration, each a list of (key, value)."""
    return [{"name": name, "rows": [(key, as_json(value)) for key, value in table.items() if value not in ("", {}, [])]}
            for name, table in run.tables.items()]


def again(run: SavedRun) -> list[tuple[str, str]]:
    """(what it does, command line) to run the same again, to go on, and to look closer."""
    folder = shlex.quote(str(run.folder))
    found = []
    if run.tables:
        found.append(("the same run again, in a new folder",
                      f"minirnn run --config {shlex.quote(str(run.folder / CONFIG))} --dir NEW"))
        if label := run.get("run", "preset"):
            scale = f" --scale {shlex.quote(str(run.get('run', 'scale')))}" if run.get("run", "scale") else ""
            found.append(("the preset it was started from, without what was changed on the command line",
                          f"minirnn run --preset {shlex.quote(str(label))}{scale}"))
    if run.about and not run.about.get("finished"):
        found.append(("to its end", f"minirnn run --resume {folder}"))
    if run.about:
        found.append(("its scores", f"minirnn evaluate {folder}"))
        found.append(("its gradients and spectrum", f"minirnn inspect {folder}"))
    return [*found, ("this page", f"minirnn report {folder}")]


def shape(x: Any) -> str:
    sizes = " × ".join(map(str, x.shape)) or "scalar"
    return f"{sizes}, complex" if np.iscomplexobj(x) else sizes


def count(x: Any) -> int:
    """How many real numbers it holds."""
    return x.size * (2 if np.iscomplexobj(x) else 1)


def duration(seconds: float | None) -> str:
    return "" if seconds is None else presets.duration(seconds / 60) if seconds >= 1 else f"{seconds:.2g} s"


def _summary(kind: str, name: Any) -> str:
    """A component's name and what it is, or the name alone where this version does not know it."""
    component = catalog.components(kind).get(str(name))
    text = getattr(component, "summary", None) or (inspect.getdoc(component) or "").split("\n\n")[0].replace("\n", " ")
    return f"{name}: {text}" if component is not None else str(name)


def _arrays(run: SavedRun) -> dict[str, Any] | None:
    try:
        arrays, _ = checkpoint.load(run.folder / CHECKPOINT)
    except UsageError:
        return None
    params = {name.removeprefix("param/"): x for name, x in arrays.items() if name.startswith("param/")}
    rows = [[name, shape(x), f"{count(x):,}"] for name, x in params.items()]
    return {"headings": ["parameter", "shape", "real numbers"], "rows": rows,
            "total": f"{sum(count(x) for x in params.values()):,}"}
