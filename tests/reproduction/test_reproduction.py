"""Targets and the rules that judge them."""

import math

import numpy as np
import pytest
from data_at_hand import data_at_hand
from scipy import stats

from minirnn import reproduction
from minirnn.errors import UsageError
from minirnn.reproduction import rules, target
from minirnn.sweeps import plan

RNG = np.random.default_rng(0)
NAMES = reproduction.names()


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
def test_a_threshold_is_met_missed_or_undecided(results, scores, outcome):
    def decide(**bar):
        rule = rules.make({"rule": "threshold", "case": "a", **bar})
        return rule.decide(results(a=scores), "test_best_accuracy", {"a": "A"})

    assert decide(above=0.5).outcome == outcome
    assert decide(below=0.5).outcome == {"yes": "no", "no": "yes"}.get(outcome, outcome)


def test_an_ordering_is_judged_seed_by_seed(results):
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


def test_the_verdict_follows_from_the_rules_and_not_from_the_controls(toy):
    chu = toy.judge
    assert chu().verdict == "holds at this scale"
    assert chu(free=[0.1, 0.1, 0.1]).verdict == "holds at this scale"
    assert chu(vanilla=[0.9, 0.91, 0.92]).verdict == "does not hold"
    assert chu(orthogonal=[0.999, 1.0, 0.3]).verdict == "undecided"
    assert chu(orthogonal=[None, None, None]).verdict == "undecided"
    assert chu("paper").verdict == "holds"


def test_a_control_says_what_follows_from_it(toy):
    (free,) = toy.judge().controls
    (other,) = toy.judge(free=[0.1, 0.1, 0.1]).controls
    assert (free.outcome, other.outcome) == ("yes", "no")
    assert free.follows == "Where it starts is enough."
    assert "matters" in other.follows


@pytest.mark.parametrize("name", NAMES)
def test_every_target_can_be_run_at_every_scale_it_names(name):
    found = reproduction.find(name)
    for scale, at in found.scales.items():
        assert found.rules(scale)[0], "a scale with no rule that decides"
        assert at["seeds"] >= 3, "fewer seeds leave the interval too wide to decide"
        assert at["about"]
        if not data_at_hand(found, scale):
            continue                                                # its networks are as large as its data asks for
        jobs = plan(found.sweep(scale, 2))
        assert len(jobs) == 2 * len(found.lines(scale))
        assert {job.case for job in jobs} == set(found.kept(scale))


def test_a_paper_stands_for_its_targets_and_each_is_chosen_once():
    assert [found.name for found in reproduction.select(())] == NAMES
    assert [found.name for found in reproduction.select(["chu"])] == [name for name in NAMES if name.startswith("chu/")]
    assert [found.name for found in reproduction.select(["chu/table-4", "chu/table-4"])] == ["chu/table-4"]
    with pytest.raises(UsageError, match="did you mean 'chu'"):
        reproduction.select(["chus"])


@pytest.mark.parametrize(("change", "sentence"), [
    ({"tittle": ""}, "did you mean 'title'?"),
    ({"accept": []}, "no rule that decides"),
    ({"accept": [{"rule": "threshold", "case": "vanila", "above": 1}]}, "did you mean 'vanilla'?"),
    ({"scale": {"fast": {}}}, "no scale 'fast'"),
    ({"scale": {"quick": {"leave_out": ["vanila"]}}}, "did you mean 'vanilla'?"),
    ({"scale": {"quick": {"cases": {"vanila": {}}}}}, "did you mean 'vanilla'?"),
    ({"design": "theirs"}, "design is 'our own' or left out (got 'theirs')"),
    ({"grid": {"task.length": [5, 10]}}, "must have a value for each key of ['task.length'] (got [])"),
])
def test_a_target_that_makes_no_sense_is_refused(toy, change, sentence):
    with pytest.raises(UsageError) as error:
        target.read("x", toy.content | change)
    assert sentence in str(error.value)


def test_a_grid_gives_each_case_a_line_per_point_and_only_a_trend_goes_over_it(toy):
    key = {"task.length": 10}
    made = target.read("toys/recall", toy.content | {
        "grid": {"task.length": [5, 10]},
        "accept": [{"rule": "threshold", "case": "vanilla", "below": 0.2, "where": key},
                   {"rule": "trend", "case": "vanilla", "over": "task.length", "below": 0}],
        "control": [],
    })
    assert [line.label for line in made.lines("quick")][:2] == ["orthogonal, length 5", "orthogonal, length 10"]
    rows = [row | {"task.length": n, "test_best_accuracy": 0.1 * n + 0.01 * row["run.seed"]}
            for row in toy.judge().rows for n in (5, 10)]
    judged = reproduction.judge(made, "quick", rows)
    assert [found.mean for found in judged.findings] == pytest.approx([1.01, 0.1])
    line = judged.target.lines("quick")[1]
    assert judged.measured(line, "test_best_accuracy") == pytest.approx({0: 1.0, 1: 1.01, 2: 1.02})


def test_a_scale_can_leave_out_cases_with_their_rules(toy):
    content = toy.content | {"scale": {"quick": toy.content["scale"]["quick"] | {"leave_out": ["free"]}}}
    judged = reproduction.judge(target.read("toys/recall", content), "quick", toy.judge().rows)
    assert (judged.controls, len(judged.findings)) == ((), 3)
    assert {line.case for line in judged.lines("test_best_accuracy")} == {"orthogonal", "vanilla"}


def test_a_rule_may_look_at_another_metric(toy):
    rows = toy.judge().rows
    for row in rows:
        row["steps"] = {"orthogonal": 400, "vanilla": 3000, "free": 100}[row["case"]] + row["run.seed"]
        row["baseline_accuracy"] = 0.1

    def decide(**table):
        return rules.make(table).decide(rows, "test_best_accuracy", {case: case for case in toy.content["cases"]})

    ratio = decide(rule="ratio", metric="steps", case="orthogonal", over="free", above=3)
    assert ratio.values == pytest.approx({0: 4.0, 1: 401 / 101, 2: 402 / 102})
    assert ratio.outcome == "yes"
    assert ratio.statement == "orthogonal, divided by free, updates until the goal was reached: above 3"
    turned = decide(rule="ratio", metric="steps", case="free", over="orthogonal", below=1 / 3)
    assert (turned.mean, turned.low, turned.high) == pytest.approx((1 / ratio.mean, 1 / ratio.high, 1 / ratio.low))
    lifted = decide(rule="threshold", case="vanilla", less="baseline_accuracy", below=0.05)
    assert lifted.values == pytest.approx({0: 0.0, 1: 0.01, 2: -0.01})
    assert "vanilla, less accuracy of the best guess without memory: below 5.00 %" in lifted.statement
