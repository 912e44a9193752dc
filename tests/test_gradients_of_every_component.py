"""Every component's hand-written gradient is its gradient, and any backward line off by a thousandth is caught."""

import numpy as np
import pytest
from described import describe

from minirnn import catalog, gradcheck, perturb, problems
from minirnn.cells import LSTM, Elman
from minirnn.gradcheck import check

COMPONENTS = [(kind, name) for kind in catalog.CHECKED for name in catalog.components(kind)]
TAGS = [
    (kind, name, tag)
    for kind, name in COMPONENTS
    if kind != "models"
    for tag in perturb.backward_tags(catalog.components(kind)[name])
]


@pytest.mark.parametrize(("kind", "name"), COMPONENTS, ids=map("/".join, COMPONENTS))
def test_hand_written_gradients_are_the_gradients(kind, name):
    component = catalog.components(kind)[name]
    rows = gradcheck.check_component(kind, name, component, seed=0)
    assert rows or (name == "one-hot"), "a component without an example is never checked"
    for row in rows:
        assert row.error <= 1e-7, f"seed 0, {describe(row)}"
        assert row.slope >= 1.9, f"seed 0, {describe(row)}"


@pytest.mark.parametrize(("kind", "name", "tag"), TAGS, ids=map("/".join, TAGS))
def test_a_backward_line_off_by_a_thousandth_is_caught(kind, name, tag):
    wrong = perturb.perturbed(catalog.components(kind)[name], tag, 1.001)
    rng = np.random.default_rng(0)
    found = (row for label, p in problems.of(kind, wrong, 3, rng) for row in check(p, kind, name, label, rng))
    assert any(not row.passed for row in found), f"seed 0: no check guards line ({tag})"


# 4, 12 and 20 put kinks into the way of the linear model
@pytest.mark.parametrize("seed", [12, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (4, 8, 16, 20))])
@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_other_seeds_raise_no_false_alarm(name, seed):
    for row in gradcheck.check_component("cells", name, catalog.find("cells", name), seed=seed):
        assert row.passed, f"seed {seed}, {describe(row)}"


@pytest.mark.parametrize("n", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 8))])
def test_the_checks_hold_at_other_sizes(n):
    for kind in ("cells", "parametrizations", "activations"):
        for name, component in catalog.components(kind).items():
            for row in gradcheck.check_component(kind, name, component, n=n, seed=1):
                assert row.passed, f"seed 1, {describe(row)}"


def test_the_cells_are_checked_over_more_than_one_segment_of_the_loop():
    from minirnn import unroll

    for cell in (Elman, LSTM):
        for _, p in problems.of("cells", cell, 3, np.random.default_rng(0)):
            assert len(p.arrays["a"]) > unroll.SEGMENT
