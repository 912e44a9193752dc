"""A target of three networks, and results that it can be judged by."""

import tomllib
from types import SimpleNamespace

import pytest

from minirnn import reproduction
from minirnn.reproduction import target

TOY = """
title = "Recalling the first of 5 numbers"
claim = "An orthogonal network recalls the first of 5 numbers, where a vanilla network stays at chance."
source = "chu, Table 3"
metric = "test_best_accuracy"
[cases.orthogonal]
label = "orthogonal"
published = 0.9998
preset = "chu-table-3/urnn-20"
task = { length = 5 }
[cases.vanilla]
label = "vanilla"
published = 0.1022
preset = "chu-table-3/rnn-20"
task = { length = 5 }
[cases.free]
label = "free, W₀ = I"
task = { name = "recall", length = 5 }
model = { name = "irnn" }
[[accept]]
rule = "threshold"
case = "orthogonal"
above = 0.98
[[accept]]
rule = "threshold"
case = "vanilla"
below = 0.13
[[accept]]
rule = "ordering"
higher = "orthogonal"
lower = "vanilla"
by = 0.8
[[control]]
rule = "threshold"
case = "free"
above = 0.98
yes = "Where it starts is enough."
no = "Where it stays matters."
[scale.quick]
about = "100 updates"
preset_scale = "quick"
seeds = 3
minutes = 1
[scale.paper]
about = "all settings"
seeds = 3
minutes = 10
"""
GOOD = {"orthogonal": [0.999, 1.0, 0.998], "vanilla": [0.1, 0.11, 0.09], "free": [1.0, 1.0, 0.999]}
FACTS = {"steps": 10, "ended_by": "stop_at", "seconds": 60.0, "machine": "M", "commit": "abc", "minirnn": "1",
         "numpy": "2", "python": "3"}


def results(**scores):
    """Rows of a sweep: case=[a score per seed]; None for a run that failed."""
    return [
        {"case": case, "run.seed": seed, "test_best_accuracy": x, "error": "diverged" if x is None else None,
         "status": "failed" if x is None else "finished", "folder": f"{case}-{seed}", **FACTS}
        for case, found in scores.items() for seed, x in enumerate(found)
    ]


@pytest.fixture(name="results")
def make_results():
    return results


@pytest.fixture
def toy():
    """content: the target as tables; judge(scale, case=[scores]): a judgement, good where nothing is given."""
    content = tomllib.loads(TOY)

    def judge(scale="quick", **scores):
        return reproduction.judge(target.read("toys/recall", content), scale, results(**GOOD | scores))

    return SimpleNamespace(content=content, judge=judge)
