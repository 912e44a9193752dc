"""gradcheck, list, doctor, demo, help and completion."""

import json
import subprocess
import sys

import pytest

from minirnn import catalog
from minirnn.cli import COMMANDS, demo

WRONG = '''
from minirnn.activations import Activation
import numpy as np

class Square(Activation):
    """f(z) = z² (1), with a factor of two forgotten (2)."""

    summary = "f(z) = z²"

    def forward(self, z, out=None):
        return z * z

    def backward(self, dh, z, h, out=None):
        return dh * z
'''


SCALED = '''
from minirnn.activations import Activation
from minirnn.activations.base import summed

class Scaled(Activation):
    """f(z) = s z (1), s per unit (2)."""

    summary = "f(z) = s z"

    def __init__(self, s):
        super().__init__()
        self.params["s"] = s

    def forward(self, z, out=None):
        return self.params["s"] * z

    def backward(self, dh, z, h, out=None):
        return self.params["s"] * dh

    def gradients(self, dh, z, h):
        return {"s": summed(dh * z, self.params["s"])}

    @classmethod
    def examples(cls, n, rng):
        yield "", cls(rng.standard_normal(n))
'''


HEAVY = {"numpy", "scipy", "matplotlib", "requests", "cupy", "torch", "rich"}


@pytest.mark.parametrize(("words", "needed"), [
    ((), set()),
    (("--help",), set()),
    (("--version",), set()),
    (("list",), {"numpy", "rich"}),
    (("list", "--json"), {"numpy", "rich"}),
    (("run", "--help"), {"numpy", "rich"}),
    (("run", "recall", "--length", "5", "--steps", "1", "--no-save"), {"numpy", "rich"}),
    (("gradcheck", "tanh"), {"numpy", "rich"}),
], ids=lambda words: " ".join(sorted(words) if isinstance(words, set) else words))
def test_a_command_imports_only_what_it_needs(words, needed):
    code = f"""
import sys
from minirnn.cli import _run
_run({list(words)!r})
print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert set(done.stderr.splitlines()[-1].split()) <= needed, done.stderr


def test_gradcheck_prints_a_row_per_parameter(minirnn):
    result = minirnn("gradcheck", "expmap")
    assert result.code == 0
    assert "expmap (parametrization)" in result.out
    assert "0 failed" in result.out


def test_gradcheck_as_json_is_one_object_per_line(minirnn):
    rows = [json.loads(line) for line in minirnn("gradcheck", "lstm", "--json").out.splitlines()]
    assert {row["kind"] for row in rows} == {"cells", "models"}
    assert all(row["error"] <= 1e-7 for row in rows)


def test_gradcheck_of_a_wrong_file_exits_3_and_says_what_is_wrong(minirnn, tmp_path):
    (tmp_path / "square.py").write_text(WRONG)
    result = minirnn("gradcheck", "square.py")
    assert result.code == 3
    assert "Square: the gradient of z[" in result.err
    assert "0.5 times the true gradient" in result.err


def test_gradcheck_of_the_corrected_file_passes(minirnn, tmp_path):
    (tmp_path / "square.py").write_text(WRONG.replace("dh * z", "2 * dh * z"))
    assert minirnn("gradcheck", "square.py").code == 0


def test_gradcheck_of_one_step_leaves_the_recursion_out(minirnn):
    sizes = {}
    for length in (1, 4):
        printed = minirnn("gradcheck", "lstm", "--length", length, "--json").out
        rows = [json.loads(line) for line in printed.splitlines()]
        sizes[length] = {row["parameter"]: row["size"] for row in rows if row["kind"] == "cells"}
    assert sizes[4]["a"] == 4 * sizes[1]["a"]
    assert sizes[4]["W"] == sizes[1]["W"]


def test_gradcheck_of_no_step_is_refused(minirnn):
    result = minirnn("gradcheck", "lstm", "--length", 0)
    assert result.code == 2
    assert "--length" in result.err


def test_a_users_activation_with_parameters_and_bounds_of_its_own_is_checked_too(minirnn, tmp_path):
    (tmp_path / "scaled.py").write_text(SCALED)
    result = minirnn("gradcheck", "scaled.py", "--json")
    assert result.code == 0
    assert {json.loads(line)["parameter"] for line in result.out.splitlines()} == {"z", "s"}


def test_list_names_every_component_of_every_kind(minirnn):
    found = json.loads(minirnn("list", "--json").out)
    for kind in catalog.KINDS:
        assert set(found[kind]) == set(catalog.components(kind))
        assert all(found[kind].values())
    assert "urnn-exp" in minirnn("list", "models").out


def test_doctor_reports_versions_blas_cuda_and_data(minirnn):
    facts = json.loads(minirnn("doctor", "--json").out)
    assert {"minirnn", "python", "numpy", "scipy"} <= facts["versions"].keys()
    assert facts["BLAS"]
    assert "usable" in facts["CUDA"]
    assert {"MNIST", "Penn Treebank"} <= facts["data"].keys()
    assert "versions" in minirnn("doctor").out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(minirnn, command):
    result = minirnn(command, "--help")
    assert result.code == 0
    assert "Examples:" in result.out or command == "demo"
    assert f"Usage: minirnn {command}" in result.out


def test_completion_knows_the_commands():
    code = "import os; os.environ.update(_MINIRNN_COMPLETE='bash_complete', COMP_WORDS='minirnn g', COMP_CWORD='1');" \
           "from minirnn.cli import cli; cli.main(prog_name='minirnn')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "gradcheck" in done.stdout


def test_help_imports_no_numerics():
    code = "import sys; from minirnn.cli import _run; _run(['--help']); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_demo_exits_3_below_its_bars_and_still_shows_what_it_found(minirnn, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "STEPS", {"rnn": 3, "urnn-exp": 3, "irnn": 3})
    result = minirnn("demo", "--quiet")
    assert result.code == 3
    assert "missed its bars" in result.err
    assert "free ReLU RNN" in result.out
    assert (tmp_path / "demo/recall.png").stat().st_size > 10_000


def test_the_demo_exits_0_when_its_bars_hold(minirnn, monkeypatch):
    monkeypatch.setattr(demo, "STEPS", {"rnn": 1, "urnn-exp": 1000, "irnn": 1})
    monkeypatch.setattr(demo, "LENGTH", 2)
    monkeypatch.setattr(demo, "FAILS", 0.3)
    monkeypatch.setattr(demo, "SOLVES", 0.8)
    assert minirnn("demo", "--quiet").code == 0
