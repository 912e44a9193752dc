"""Counts what the tests of this folder tried, promise by promise, over however many processes they run in.

`--counts FILE` writes the counts as JSON, and the page docs/results/reliability.md from them; `make test-faults` does.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from promises import PROMISES
from reliability_page import PAGE, page

from minirnn.checkpoint import replace

COUNTS: dict[str, dict[str, int]] = {}


def pytest_addoption(parser):
    parser.addoption("--counts", type=Path, help="write what was tried as JSON, and docs/results/reliability.md")


@pytest.fixture
def tried(record_property):
    """tried(n): this test tried n cases, where it is not one; called again, it adds."""
    return lambda n: record_property("tried", n)


@pytest.fixture(scope="module")
def nursery(request):
    """The process that begins a module's jobs, with what they need imported, as the module's IMPORTED says."""
    from killing import Nursery  # only there where processes can be forked

    made = Nursery(*request.module.IMPORTED)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference(nursery, tmp_path_factory):
    """The run of `killing`, as it is when nothing happens to it."""
    from killing import Reference

    return Reference(nursery, tmp_path_factory.mktemp("reference"))


def pytest_itemcollected(item):
    """Notes which promise the test is about: reports travel between processes, marks do not."""
    for kind in ("promise", "control"):
        for mark in item.iter_markers(kind):
            if mark.args[0] not in PROMISES:
                raise pytest.UsageError(f"{item.nodeid}: there is no promise {mark.args[0]!r} in promises.py")
            item.user_properties.append((kind, mark.args[0]))


def pytest_runtest_logreport(report):
    """In the process that collects the reports."""
    if report.when != "call" and not report.failed:
        return
    said = [(kind, name) for kind, name in report.user_properties if kind in ("promise", "control")]
    for kind, name in dict.fromkeys(said):
        count = COUNTS.setdefault(name, {"tried": 0, "failed": 0, "controls": 0, "missed": 0})
        if kind == "control":
            count["controls" if report.passed else "missed"] += not report.skipped
        elif report.failed:
            count["failed"] += 1
        elif report.passed:
            count["tried"] += sum(n for key, n in report.user_properties if key == "tried") or 1


def pytest_sessionfinish(session):
    path = session.config.getoption("--counts", None)
    if path is None or hasattr(session.config, "workerinput"):
        return
    text = json.dumps({name: COUNTS.get(name, {}) for name in PROMISES}, indent=1) + "\n"
    replace(path, lambda file: file.write(text.encode()))
    replace(PAGE, lambda file: file.write(page(json.loads(text)).encode()))
