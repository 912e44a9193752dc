"""Reports and pictures, killed at moments drawn from a seed while they are written: the file is the old or the new."""

import numpy as np
import pytest
from killing import KILLED, said
from promises import cases, noticed

pytest.importorskip("jinja2", reason="reports need the extra minirnn[report]")
pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

RUN = ("run", "recall", "--length", 5, "--model", "rnn", "--hidden-size", 4, "--embedding-size", 3, "--batch-size", 10,
       "--steps", 10, "--evaluate-every", 5, "--quiet", "--dir", "a")
COMMANDS = {        # words, file, where the moments are, what is left out
    "kill-report": (("report", "a"), "a/report.html", ("minirnn.report.page:write",), ["bare"]),
    "kill-figure": (("plot", "a"), "a/curves.png", ("minirnn.figures.style:save",), []),
}
EACH = 5
END = 40            # the moments of the writing itself, after all that was rendered
IMPORTED = ("minirnn.report", "minirnn.figures.curves", "minirnn.cli.plot", "minirnn.cli.report", "jinja2",
            "matplotlib.backends.backend_agg", "scipy.linalg")


@pytest.fixture(scope="module")
def here(nursery, tmp_path_factory):
    here = tmp_path_factory.mktemp("pages")
    assert nursery.run(here, *RUN, plant=["plain"]) == 0
    return here


@pytest.fixture(scope="module")
def written(nursery, here):
    """written(place): (content that the command writes, moments)."""
    known = {}

    def write(place):
        if place not in known:
            words, path, within, plain = COMMANDS[place]
            moments = nursery.moments(here, *words, within=within, plant=plain)
            known[place] = (here / path).read_bytes(), moments
        return known[place]

    return write


def kills(nursery, here, written, place, seed, plant=()):
    """Kill the command EACH times: the old file stays as it was, or is the new one."""
    words, path, within, plain = COMMANDS[place]
    rng, (new, moments) = np.random.default_rng(seed), written(place)
    for k in range(EACH):
        old = rng.bytes(2000)
        (here / path).write_bytes(old)
        at = int(rng.integers(moments - END if k % 2 else 1, moments + 1))
        assert nursery.run(here, *words, within=within, at=at, plant=[*plain, *plant]) == KILLED, said(here)
        found = (here / path).read_bytes()
        assert found in (old, new), f"{path} is neither old nor new"
    return EACH


@pytest.mark.promise("kill-report")
@pytest.mark.parametrize("seed", cases(3, short=1))
def test_a_killed_report_leaves_the_old_page_or_the_new(nursery, here, written, tried, seed):
    tried(kills(nursery, here, written, "kill-report", seed))


@pytest.mark.promise("kill-figure")
@pytest.mark.parametrize("seed", cases(3, short=0))
def test_a_killed_picture_leaves_the_old_one_or_the_new(nursery, here, written, tried, seed):
    tried(kills(nursery, here, written, "kill-figure", seed))


@pytest.mark.parametrize("place", [
    pytest.param("kill-report", marks=pytest.mark.control("kill-report")),
    pytest.param("kill-figure", marks=pytest.mark.control("kill-figure")),
])
def test_a_page_that_is_written_in_place_is_noticed(nursery, here, written, place):
    assert noticed(lambda seed: kills(nursery, here, written, place, seed, ["in_place"]))
