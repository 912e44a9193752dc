"""The example of docs/guides/extending.md passes the check, trains, and is a component once in the package."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

import minirnn.parametrizations
from minirnn import catalog, gradcheck, perturb
from minirnn.models import network

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "extending.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())
EXAMPLE, TRAINING = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "rank_one.py"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


@pytest.fixture
def importable(example, monkeypatch):
    """`import rank_one` finds the example."""
    monkeypatch.syspath_prepend(example.parent)
    yield
    sys.modules.pop("rank_one", None)


@pytest.fixture
def installed(example, monkeypatch):
    """The example as a module of the package, as if its file had been moved there."""
    monkeypatch.setattr(minirnn.parametrizations, "__path__", [*minirnn.parametrizations.__path__, str(example.parent)])
    yield
    sys.modules.pop("minirnn.parametrizations.rank_one", None)
    vars(minirnn.parametrizations).pop("rank_one", None)


def test_the_example_passes_the_check_with_the_error_on_the_page(example):
    rows = [row for rows in gradcheck.check_file(example) for row in rows]
    assert {(row.component, row.example, row.parameter) for row in rows} == {
        ("RankOne", label, name) for label in ("random", "u = 0") for name in ("u", "v")
    }
    assert all(row.passed for row in rows)
    stated = float(re.search(r"worst error is (\S+), the limit", PROSE)[1])
    assert max(row.error for row in rows) < 10 * stated         # rounding errors: only their size is the same elsewhere


def test_each_backward_line_of_the_example_is_guarded(importable):
    import rank_one

    assert perturb.backward_tags(rank_one.RankOne) == ["K2", "K3"]
    for tag in ("K2", "K3"):
        wrong = perturb.perturbed(rank_one.RankOne, tag, 1.001)
        assert not all(row.passed for row in gradcheck.check_component("parametrizations", tag, wrong))


def test_one_example_alone_would_not_see_every_term(importable):
    import rank_one

    wrong = perturb.perturbed(rank_one.RankOne, "K3", 1.001)
    rows = gradcheck.check_component("parametrizations", "K3", wrong)
    assert {row.example for row in rows if not row.passed} == {"random"}


def test_training_reaches_the_loss_on_the_page(importable):
    namespace = {}
    exec(compile(TRAINING, "extending.md", "exec"), namespace)
    assert {"rnn.0.W.u", "rnn.0.W.v"} <= set(namespace["model"].params)
    first, last = map(float, re.search(r"The loss falls from (\S+) to (\S+)\.", PROSE).groups())
    assert namespace["losses"][0] == pytest.approx(first, abs=0.01)
    assert np.mean(namespace["losses"][-20:]) == pytest.approx(last, rel=0.2)       # float32 sums differ by machine


def test_its_file_in_the_package_is_all_that_the_catalog_needs(installed):
    component = catalog.find("parametrizations", "rank-one")
    assert component.__name__ == "RankOne"
    model = network(4, 2, 6, rng=np.random.default_rng(0), parametrization="rank-one", symbols=True)
    np.testing.assert_array_equal(model.layers[0].matrices["W"].matrix()[0], np.identity(6))
