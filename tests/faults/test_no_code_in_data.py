"""Data are never executed: no pickle, no `eval`, no shell, by the syntax trees of every file that is installed."""

import ast
from pathlib import Path

import pytest

import minirnn
from minirnn import benchmarks, tasks

FILES = sorted(path for package in (minirnn, tasks, benchmarks) for path in Path(package.__file__).parent.rglob("*.py"))
UNPICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
# what may execute text, and why: a scaled line of our own source, for `minirnn explain --perturb`
EXECUTES = {"perturb.py": {"compile", "exec"}}


def offences(text, name=""):
    """(line, what) of everything in a program that could execute what is data."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [(node.lineno, f"imports {word}") for word in names if word.partition(".")[0] in UNPICKLES]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        given = {word.arg: ast.unparse(word.value) for word in node.keywords}
        if called in ("eval", "exec", "compile", "os.system", "os.popen") and called not in EXECUTES.get(name, ()):
            found.append((node.lineno, f"calls {called}"))
        if called.endswith(("np.load", "np.fromfile", "numpy.load")) and given.get("allow_pickle") != "False":
            found.append((node.lineno, f"calls {called} without allow_pickle=False"))
        elif given.get("shell", "False") != "False" or given.get("allow_pickle", "False") != "False":
            found.append((node.lineno, f"calls {called} with a shell, or with pickle"))
    return found


@pytest.mark.promise("no-pickle")
def test_no_program_unpickles_or_executes_data(tried):
    found = {path.name: offences(path.read_text(encoding="utf-8"), path.name) for path in FILES}
    assert {name: some for name, some in found.items() if some} == {}
    tried(len(FILES))


@pytest.mark.control("no-pickle")
@pytest.mark.parametrize("text", [
    "import pickle", "from joblib import load", "import numpy as np\nnp.load('x')", "np.load('x', allow_pickle=True)",
    "eval(input())", "exec(open('x').read())", "import os\nos.system('x')",
    "import subprocess\nsubprocess.run('x', shell=True)", "np.save('x', y, allow_pickle=True)", "from yaml import load",
])
def test_each_way_of_executing_data_is_noticed(text):
    assert len(offences(text)) == 1
