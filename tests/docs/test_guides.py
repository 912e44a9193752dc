"""What the guides show: commands that parse and whose settings exist, baselines, measured norms, equal runs."""

import math
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from minirnn import catalog, config, errata, presets, toml
from minirnn.cli import COMMANDS, _run, cli
from minirnn.cli.run import OPTIONS
from minirnn.diagnostics import jacobian_norms
from minirnn.models import network

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "guides").glob("*.md")),
         *sorted((ROOT / "docs" / "derivations").glob("*.md"))]
OF_THE_READER = {"rank-one", "my-cell"}         # components that a page tells its reader to write
NEEDS_DATA = {"sequential-mnist", "permuted-mnist", "ptb-char", "ptb-word"}


def guide(name):
    return (ROOT / "docs" / "guides" / f"{name}.md").read_text(encoding="utf-8")


def commands(text):
    """The lines `minirnn ...` of a page, in blocks and between backticks, without comments and redirections."""
    lines = re.findall(r"^ *(minirnn (?!is\b)[^`\n]*)$", text, re.MULTILINE)
    lines += [" ".join(found.split()) for found in re.findall(r"`(minirnn [^`]+)`", text)]
    return [re.split(" [#>] ", line)[0].strip() for line in lines]


SHOWN = sorted({(page.stem, line) for page in PAGES for line in commands(page.read_text(encoding="utf-8"))})


def parsed(line):
    """(name of the command, its parameters); a line that does not parse raises."""
    words = shlex.split(line)[1:]
    group, context = cli, cli.make_context("minirnn", words[:1])
    while True:
        name, found, words = group.resolve_command(context, words)
        if not hasattr(found, "resolve_command"):
            return name, found.make_context(name, words, parent=context).params
        group, context = found, found.make_context(name, words[:1], parent=context)


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_a_shown_command_parses_and_names_what_exists(page, line, monkeypatch):
    monkeypatch.delenv("MINIRNN_BACKEND", raising=False)
    if line.endswith(" --help") or len(line.split()) == 2:          # one that is only named, without arguments
        assert line.split()[1] in COMMANDS
        return
    name, given = parsed(line)
    if name == "gradcheck":
        known = {found for kind in catalog.CHECKED for found in catalog.components(kind)} | OF_THE_READER
        assert {word for word in given["names"] if not word.endswith(".py")} <= known
    if name == "errata" and given["which"]:
        known = {str(k + 1) for k in range(len(errata.ERRATA))}.union(*(e.papers for e in errata.ERRATA))
        assert given["which"] in known
    if name != "run":
        return
    if given["preset"]:
        presets.find(given["preset"], given["scale"] or "")
        return
    task = given["task"]
    if task is None or "NAME" in line or "TASK" in line or OF_THE_READER & set(line.split()):
        return
    tables = {"task": {"name": task}}
    for option, (table, key) in OPTIONS.items():
        if given[option] is not None and (table, key) != ("run", "data_dir"):
            tables.setdefault(table, {})[key] = given[option]
    if {"cell", "parametrization"} & tables.get("model", {}).keys():
        tables["model"].setdefault("name", "network")
    assert task in catalog.components("tasks")
    if task not in NEEDS_DATA or os.environ.get("MINIRNN_DATA"):
        config.resolve(toml.merge(tables, toml.assignments(given["assignments"])))


def test_the_commands_are_found():
    assert len(SHOWN) > 60
    guides = {"orthogonality", "gpu", "reproducibility", "tasks-and-presets", "checking-your-own", "extending"}
    assert {"README", "tutorial", *guides} <= {page for page, _ in SHOWN}


@pytest.mark.parametrize("line", ["minirnn run recall --lenght 3", "minirnn data fetsh mnist", "minirnn list --kind x"])
def test_a_command_that_does_not_parse_is_noticed(line):
    with pytest.raises(Exception, match=r"[Nn]o such"):
        parsed(line)


# -- tasks and presets -----------------------------------------------------------------------------------------------

TASKS = {row[0]: row[1:] for row in re.findall(
    r"^\| `([\w-]+)` \| .* \| .* \| (.*) \| (\w+), (up|down) \|$", guide("tasks-and-presets"), re.MULTILINE)}


def test_every_task_is_listed_with_its_goal():
    found = catalog.components("tasks")
    assert set(TASKS) == set(found)
    assert {name: (goal, {"up": "rise", "down": "fall"}[way]) for name, (_, goal, way) in TASKS.items()} == {
        name: task.goal for name, task in found.items()
    }


@pytest.mark.parametrize("name", TASKS)
def test_the_baselines_listed_are_the_tasks_own(name):
    if name in NEEDS_DATA and not os.environ.get("MINIRNN_DATA"):
        pytest.skip("the files of MNIST and the Penn Treebank are not here: set MINIRNN_DATA to their folder")
    baseline = catalog.find("tasks", name)().baseline()
    shown = re.findall(r"(?:^|[ =])(\d+\.\d+|\d{3})\b", re.sub(r"\$.*?\$", "", TASKS[name][0]))
    assert shown
    for number in shown:
        decimals = len(number.partition(".")[2])
        assert any(f"{value:.{decimals}f}" == number for value in baseline.values()), number


# -- orthogonality ---------------------------------------------------------------------------------------------------


def test_the_norms_that_activations_leave_are_those_of_the_table(capsys):
    page = guide("orthogonality")
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(program, "orthogonality.md", "exec"), {})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    head, values = re.search(r"\| (identity .*) \|\n.*\n *\| (8 .*) \|", page).groups()
    names = [cell.partition(",")[0] for cell in head.split(" | ")]
    assert [name for name, _ in printed] == names
    shown = [float(cell) for cell in values.split(" | ")]
    assert [float(x) for _, x in printed] == pytest.approx(shown, rel=0.1)


def test_a_complex_modrelu_expands_or_contracts_by_its_bias():
    X = np.random.default_rng(1).standard_normal((50, 1, 1)).astype(np.float32)
    pattern = r"= (\S+)\$ at \$b = 0\$, (\S+) at \$b = 0.1\$ and (\S+) at \$b = -0.03\$"
    stated = re.search(pattern, guide("orthogonality"))
    for b, expected in zip((0, 0.1, -0.03), map(float, stated.groups()), strict=True):
        model = network(1, 1, 64, rng=np.random.default_rng(0), activation="modrelu", parametrization="unitary")
        model.layers[0].cell.f.params["b"][...] = b
        assert jacobian_norms(model.layers[0], X)[0, 0] == pytest.approx(expected, rel=0.1)


def test_every_parametrization_of_a_square_matrix_has_a_row():
    ways = guide("orthogonality").partition("## The ways")[2].partition("## What it costs")[0]
    sparse = {"diagonal", "block-diagonal", "shuffled-blocks", "stack", "spectral-radius"}
    assert {name for name in catalog.components("parametrizations") if f"[{name}]" not in ways} == sparse


def test_the_entry_of_a_half_turn_under_cayley():
    a = math.tan(math.radians(178) / 2)
    assert f"{a:.0f}" == "57"
    assert f"{2 / (1 + a * a):.0e}" == "6e-04"


# -- reproducibility and GPU -----------------------------------------------------------------------------------------


def test_an_interrupted_run_is_equal_as_the_page_shows(tmp_path, monkeypatch, capsys):
    page = guide("reproducibility")
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = [line for line in commands(page) if "whole" in line or "halves" in line]
    assert len(lines) == 3
    monkeypatch.chdir(tmp_path)
    for line in lines:
        short = line.replace("--steps 200", "--steps 4").replace("--steps 100", "--steps 2")
        assert short != line
        assert _run([*shlex.split(short)[1:], "--quiet"]) == 0
    capsys.readouterr()
    exec(compile(program, "reproducibility.md", "exec"), {})
    assert capsys.readouterr().out == "equal\n"


def test_the_listed_files_are_those_of_a_run():
    from minirnn import run_folder

    listed = re.findall(r"^(\w+\.\w+) {2,}", guide("reproducibility"), re.MULTILINE)
    assert set(listed) == {
        run_folder.CONFIG, run_folder.METRICS, run_folder.CHECKPOINT, run_folder.BEST, run_folder.FIGURE}


def test_the_programs_that_the_page_names_exist():
    modules = re.findall(r"python -m (benchmarks[\w.]*)", guide("reproducibility"))
    assert len(modules) >= 4
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_the_example_of_the_gpu_guide_runs_where_there_is_none(capsys):
    (program,) = re.findall(r"^```python\n(.*?)^```", guide("gpu"), re.MULTILINE | re.DOTALL)
    exec(compile(program, "gpu.md", "exec"), {})
    loss, place = re.fullmatch(r"(\S+) on (\w+)\n", capsys.readouterr().out).groups()
    assert float(loss) == pytest.approx(math.log(10), abs=0.5)
    assert place in ("numpy", "cupy")


def test_memory_of_an_elman_layer_is_as_stated():
    T, B, n, MB = map(int, re.search(
        r"\$T = (\d+)\$, \$B = (\d+)\$, \$n = (\d+)\$ an Elman layer takes (\d+) MB", guide("gpu")).groups())
    assert round(2 * T * B * n * 4 / 1e6) == MB
