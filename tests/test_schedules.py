"""Schedules: each against its formula, clamped at its end; the plateau against a story; what is refused."""

import json

import numpy as np
import pytest

from minirnn import catalog, config
from minirnn.errors import UsageError
from minirnn.optimizers.schedules import Constant, Cosine, Linear, Plateau, Step
from minirnn.trainer import build
from minirnn.updates import make_schedule

ALL = {"constant": Constant(), "step": Step(3), "linear": Linear(10), "cosine": Cosine(10), "plateau": Plateau()}


def trainer(**optimizer):
    settings, task = config.resolve({
        "task": {"name": "recall", "length": 4}, "model": {"name": "urnn-exp", "hidden_size": 6, "embedding_size": 3},
        "optimizer": {"lr": 0.01, **optimizer}, "train": {"batch_size": 5, "steps": 10, "log_every": 1},
    })
    return build(settings, task)


def test_every_schedule_is_tested_here():
    assert {type(s) for s in ALL.values()} == set(catalog.components("schedules").values())
    assert list(ALL) == sorted(ALL, key=list(ALL).index)
    assert set(ALL) == set(catalog.components("schedules"))


@pytest.mark.parametrize("schedule", ALL.values(), ids=ALL.keys())
def test_a_schedule_starts_at_the_rate_itself_and_stays_within_it(schedule):
    assert schedule.factor(0) == 1
    assert all(0 <= schedule.factor(step) <= 1 for step in range(30))


def test_linear_with_a_twentieth_left_is_the_line_of_the_rotation_network():
    schedule = Linear(1000, final=0.05)
    for step in (0, 1, 250, 999, 1000):
        assert schedule.factor(step) == pytest.approx(1 - 0.95 * step / 1000)
    assert schedule.factor(5000) == schedule.factor(1000)


def test_cosine_is_half_a_cosine():
    schedule = Cosine(100, final=0.2)
    assert schedule.factor(50) == pytest.approx(0.6)
    assert schedule.factor(100) == pytest.approx(0.2)
    assert schedule.factor(1000) == pytest.approx(0.2)
    rates = [schedule.factor(step) for step in range(101)]
    assert np.argmin(np.diff(rates)) == 49 or np.argmin(np.diff(rates)) == 50       # steepest in the middle


def test_step_falls_at_once_after_every_so_many_updates():
    schedule = Step(3, 0.5, first=2)
    assert [schedule.factor(step) for step in range(12)] == [1] * 5 + [0.5] * 3 + [0.25] * 3 + [0.125]


def test_plateau_falls_when_nothing_new_is_found_and_waits_anew():
    schedule, factors = Plateau(patience=2, decay=0.1, final=0.001), []
    for value in [5, 4, 4, 4.5, 3, 3, 3, 3, 3, 3, 3]:
        schedule.observe(value)
        factors.append(schedule.factor(0))
    assert factors == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001])


def test_the_memory_of_a_plateau_survives_json():
    for values in ([], [3, 4], [3, 4, 5]):
        one, other = Plateau(patience=2), Plateau(patience=2)
        for value in values:
            one.observe(value)
        other.load_state_dict(json.loads(json.dumps(one.state_dict())))
        for value in (2.5, 9, 9, 9):
            one.observe(value)
            other.observe(value)
            assert one.factor(0) == other.factor(0)


@pytest.mark.parametrize("direction", ["rise", "fall"])
@pytest.mark.parametrize("watch", ["goal", "loss"])
def test_a_plateau_of_the_goal_looks_in_the_goals_direction(direction, watch):
    t = trainer(schedule="plateau", schedule_options={"watch": watch})
    t.task.goal = ("accuracy", direction)
    better, worse = (0.9, 0.1) if direction == "rise" else (0.1, 0.9)
    for k, value in enumerate((worse, better)):
        t._judge({"accuracy": value, "loss": 2 - k})
    assert t.schedule.factor(0) == 1
    t._judge({"accuracy": worse, "loss": 3})
    assert t.schedule.factor(0) == 0.5


def test_the_rates_of_all_groups_fall_together():
    t = trainer(schedule="linear")
    slow, fast = (rule for _, rule in t.optimizer.groups)
    for step in range(10):
        t.update(step)
        assert fast.lr == pytest.approx(0.01 * (1 - step / 10))
        assert slow.lr == pytest.approx(0.3 * fast.lr)


def test_the_rate_of_each_logged_update_is_logged():
    rates = [r["lr"] for e in trainer(schedule="linear").train() for r in e.records if r["split"] == "train"]
    assert rates == pytest.approx([0.01 * (1 - step / 10) for step in range(10)])


def test_a_schedule_lasts_as_long_as_the_run_unless_told_otherwise():
    assert trainer(schedule="cosine").schedule.steps == 10
    assert trainer(schedule="cosine", schedule_options={"steps": 7}).schedule.steps == 7


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("cosin", {}, "there is no schedule 'cosin'; did you mean 'cosine'"),
        ("cosine", {"stps": 3}, "did you mean 'steps'"),
        ("constant", {"steps": 3}, "no option of the optimizer.schedule_options called 'steps'"),
        ("linear", {"steps": -1}, "schedule_options.steps must be at least 1"),
        ("linear", {"final": 1.5}, r"schedule_options.final must lie in \[0, 1\] \(got 1.5\)"),
        ("step", {}, r"schedule_options.every must be at least 1 \(got 0\)"),
        ("step", {"every": 2, "first": -1}, "schedule_options.first must be zero or positive"),
        ("plateau", {"watch": "accuracy"}, "watch of the plateau schedule must be goal or loss"),
        ("plateau", {"patience": 0}, "schedule_options.patience must be at least 1"),
        ("step", {"every": "x"}, "schedule_options.every must be of type int"),
    ],
)
def test_what_is_no_schedule_is_refused_in_one_sentence(name, options, sentence):
    settings, _ = config.resolve(
        {"task": {"name": "recall"}, "optimizer": {"schedule": name, "schedule_options": options}}
    )
    with pytest.raises(UsageError, match=sentence) as error:
        make_schedule(settings)
    assert "\n" not in str(error.value)
