"""The benchmark of constraints times what it names, keeps what it says is kept, and writes the page of docs/results."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from minirnn import catalog
from minirnn.benchmarks import parametrizations as program

PAGE = Path(__file__).parents[1] / "docs" / "results" / "parametrizations.md"
KEPT = ["cayley", "expmap", "based-expmap", "plumbley", "givens, K = 8", "givens, K = n − 1", "orthogonal, geodesic",
        "orthogonal, plumbley-multiplicative", "unitary-product, complex", "unitary, geodesic, complex"]


@pytest.fixture(scope="module")
def printed():
    ended = CliRunner().invoke(program.main, ["--rounds", "1", "-n", "10"])
    assert ended.exit_code == 0, ended.output
    return ended.output


def rows(text):
    """{name: the other cells}, of the second table."""
    lines = text.partition("## The parts")[2].splitlines()
    return {cells[0]: cells[1:] for line in lines if (cells := line.strip("| ").split(" | "))[0] in program.CASES}


def without_numbers(text):
    """What the page says apart from its tables, its date and machine."""
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    return [re.sub(r"[\d.,]+", "", line) for line in prose if "NumPy" not in line]


def test_the_page_is_what_the_program_writes(printed):
    page = PAGE.read_text(encoding="utf-8")
    assert without_numbers(page) == without_numbers(printed)
    assert list(rows(page)) == list(rows(printed)) == list(program.CASES)


@pytest.mark.parametrize("name", program.CASES)
def test_every_case_is_a_component_and_runs_in_single_precision(name):
    assert name.split(",")[0] in catalog.components("parametrizations")
    bench = program.Bench(program.CASES[name], 10)
    before = bench.part.matrix()[0].copy()
    bench.forward()
    bench.backward()
    bench.update()
    after = bench.part.matrix()[0]
    assert after.dtype in (np.float32, np.complex64)
    assert {x.dtype for x in bench.grads.values()} <= {np.dtype(np.float32), np.dtype(np.complex64)}
    assert np.max(np.abs(after - before)) > 1e-5


def test_the_constraints_hold_and_the_others_do_not(printed):
    errors = {name: float(cells[-1]) for name, cells in rows(printed).items()}
    assert {name for name, error in errors.items() if error < 1e-3} == set(KEPT)
