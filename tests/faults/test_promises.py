"""The promises themselves: each is tried and has a control, what was found has a test, the page is what was counted."""

import ast
import json
from pathlib import Path

import pytest
from promises import FOUND, PARTS, PROMISES
from reliability_page import PAGE, page

HERE = Path(__file__).parent
COUNTS = HERE / "counts.json"
KILLS = [name for name in PROMISES if name.startswith("kill-")]


def marked(kind):
    """Names of promises in the marks of a kind, and names of tests, over the files of this folder."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in HERE.glob("test_*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.args[0].value for call in calls if ast.unparse(call.func) == f"pytest.mark.{kind}"}


def defined():
    """The names of all tests."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in HERE.parent.rglob("test_*.py")]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_promise_is_tried_and_has_a_planted_violation():
    assert marked("promise") == set(PROMISES)
    assert marked("control") == set(PROMISES)


def test_what_was_found_names_a_part_and_a_test_that_exists():
    assert {part for part, _, _ in FOUND} <= set(PARTS)
    assert {test for _, _, test in FOUND} <= defined()


@pytest.fixture(scope="module")
def counts(request):
    """{promise: what was counted} in the last whole run of the suite."""
    if request.config.getoption("--counts", None):
        pytest.skip("the counts are being written anew by this very run")
    return json.loads(COUNTS.read_text(encoding="utf-8"))


def test_the_page_is_what_was_counted(counts):
    assert list(counts) == list(PROMISES)
    assert PAGE.read_text(encoding="utf-8") == page(counts)


@pytest.mark.parametrize("name", PROMISES)
def test_a_whole_run_of_the_suite_found_no_violation_and_missed_no_control(counts, name):
    count = counts[name]
    assert count["tried"] > 0
    assert (count["failed"], count["missed"]) == (0, 0)
    assert count["controls"] > 0


def test_two_hundred_processes_were_killed(counts):
    assert sum(counts[name]["tried"] for name in KILLS) == 200
