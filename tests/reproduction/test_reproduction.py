"""Targets, the rules that judge them, and the page that says it."""

import json
import math
import tomllib

import numpy as np
import pytest
from scipy import stats

from minirnn import reproduction
from minirnn.errors import UsageError
from minirnn.reproduction import rules, target
from minirnn.reproduction.page import page, write
from minirnn.sweeps import plan

RNG = np.random.default_rng(0)
NAMES = reproduction.names()


def results(**scores):
    """Rows of a sweep: case=[a score per seed]; None for a run that failed."""
    facts = {"steps": 10, "seconds": 60.0, "machine": "M", "commit": "abc", "minirnn": "1", "numpy": "2", "python": "3"}
    return [
        {"case": case, "run.seed": seed, "test_best_accuracy": x, "error": "diverged" if x is None else None, **facts}
        for case, found in scores.items() for seed, x in enumerate(found)
    ]


def chu(**scores):
    good = {"orthogonal": [0.999, 1.0, 0.998], "vanilla": [0.1, 0.11, 0.09], "free": [1.0, 1.0, 0.999]}
    return reproduction.judge(reproduction.find("chu-recall-20"), "quick", results(**good | scores))


def test_the_interval_is_students():
    x = RNG.standard_normal(7)
    low, high = stats.t.interval(0.95, 6, np.mean(x), stats.sem(x))
    assert rules.interval(x) == pytest.approx((np.mean(x), low, high), rel=1e-12)
    assert rules.interval([0.5]) == (0.5, -math.inf, math.inf)
    assert rules.interval([0.5, 0.5]) == (0.5, 0.5, 0.5)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draws = RNG.standard_normal((4000, 3))
    covered = np.mean([low < 0 < high for _, low, high in map(rules.interval, draws)])
    assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 4000))


@pytest.mark.parametrize(("scores", "outcome"), [
    ([0.9, 0.91, 0.92], "yes"), ([0.1, 0.11, 0.12], "no"), ([0.4, 0.5, 0.7], "undecided"), ([0.9], "undecided"),
    ([], "undecided"),
])
def test_a_threshold_is_met_missed_or_undecided(scores, outcome):
    def decide(**bar):
        rule = rules.make({"rule": "threshold", "case": "a", **bar})
        return rule.decide(results(a=scores), "test_best_accuracy", {"a": "A"})

    assert decide(above=0.5).outcome == outcome
    assert decide(below=0.5).outcome == {"yes": "no", "no": "yes"}.get(outcome, outcome)


def test_an_ordering_is_judged_seed_by_seed():
    scores = {"a": [0.2, 0.5, 0.8], "b": [0.1, 0.4, 0.7]}           # far apart between seeds, alike within
    rule = rules.make({"rule": "ordering", "higher": "a", "lower": "b", "by": 0.05})
    found = rule.decide(results(**scores), "test_best_accuracy", {"a": "A", "b": "B"})
    assert list(found.values.values()) == pytest.approx([0.1, 0.1, 0.1])
    assert found.outcome == "yes"
    turned = rules.make({"rule": "ordering", "higher": "b", "lower": "a"})
    assert turned.decide(results(**scores), "test_best_accuracy", {"a": "A", "b": "B"}).outcome == "no"


def test_a_trend_is_the_slope_within_each_seed():
    rows = [{"case": "a", "run.seed": s, "task.length": n, "m": 3 * n + 100 * s} for s in range(3) for n in (5, 10, 20)]
    rule = rules.make({"rule": "trend", "case": "a", "over": "task.length", "above": 2})
    found = rule.decide(rows, "m", {"a": "A"})
    assert list(found.values.values()) == pytest.approx([3, 3, 3])
    assert found.outcome == "yes"
    only = rules.make({"rule": "threshold", "case": "a", "above": 50, "where": {"task.length": 20}})
    assert list(only.decide(rows, "m", {"a": "A"}).values.values()) == [60, 160, 260]


@pytest.mark.parametrize(("table", "sentence"), [
    ({"rule": "treshold"}, "did you mean 'threshold'?"),
    ({"rule": "threshold", "case": "a"}, "one of above and below"),
    ({"rule": "threshold", "case": "a", "above": 1, "below": 2}, "one of above and below"),
    ({"rule": "threshold", "cas": "a", "above": 1}, "did you mean 'case'?"),
])
def test_a_rule_that_makes_no_sense_is_refused(table, sentence):
    with pytest.raises(UsageError) as error:
        rules.make(table)
    assert sentence in str(error.value)


def test_the_verdict_follows_from_the_rules_and_not_from_the_controls():
    assert chu().verdict == "holds at this scale"
    assert chu(free=[0.1, 0.1, 0.1]).verdict == "holds at this scale"
    assert chu(vanilla=[0.9, 0.91, 0.92]).verdict == "does not hold"
    assert chu(orthogonal=[0.999, 1.0, 0.3]).verdict == "undecided"
    assert chu(orthogonal=[None, None, None]).verdict == "undecided"
    whole = reproduction.judge(reproduction.find("chu-recall-20"), "paper", chu().rows)
    assert whole.verdict == "holds"


def test_a_control_says_what_follows_from_it():
    (free,) = chu().controls
    (other,) = chu(free=[0.1, 0.1, 0.1]).controls
    assert (free.outcome, other.outcome) == ("yes", "no")
    assert "where it starts is enough" in free.follows
    assert "matters" in other.follows


def test_the_page_shows_the_published_number_and_every_seed(tmp_path):
    judged = chu(vanilla=[0.1, None, 0.09])
    text = page(judged)
    for number in ("99.98 %", "10.22 %", "99.90 %", "100.00 %", "99.80 %", "10.00 %", "9.00 %"):
        assert number in text
    assert f"**Verdict: {judged.verdict}.**" in text
    assert "* vanilla, seed 1: diverged" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120
    _, saved = write(tmp_path, judged)
    found = json.loads(saved.read_text())
    assert found["cases"]["vanilla"]["seeds"] == {"0": 0.1, "2": 0.09}
    assert found["verdict"] == judged.verdict


def test_a_single_seed_decides_nothing_and_can_be_written(tmp_path):
    judged = chu(orthogonal=[1.0], vanilla=[0.1], free=[1.0])
    assert judged.verdict == "undecided"
    found = json.loads(write(tmp_path, judged)[1].read_text())
    assert found["cases"]["vanilla"]["low"] is None


@pytest.mark.parametrize("name", NAMES)
def test_every_target_can_be_run_at_every_scale_it_names(name):
    found = reproduction.find(name)
    for scale, at in found.scales.items():
        jobs = plan(found.sweep(scale, 2))
        assert len(jobs) % (2 * len(found.cases)) == 0
        assert {job.case for job in jobs} == set(found.cases)
        assert at["seeds"] >= 3, "fewer seeds leave the interval too wide to decide"
        assert at["about"]


def test_a_target_that_makes_no_sense_is_refused():
    content = tomllib.loads((target.FOLDER / "chu-recall-20.toml").read_text(encoding="utf-8"))
    for change, sentence in (
        ({"tittle": ""}, "did you mean 'title'?"),
        ({"accept": []}, "no rule that decides"),
        ({"accept": [{"rule": "threshold", "case": "vanila", "above": 1}]}, "did you mean 'vanilla'?"),
        ({"scale": {"fast": {}}}, "no scale 'fast'"),
    ):
        with pytest.raises(UsageError) as error:
            target.read("x", content | change)
        assert sentence in str(error.value)
