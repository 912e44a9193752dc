"""What a sweep's file stands for: every combination once, layers in their order, and a hash that means the run."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirnn import config, toml
from minirnn.errors import UsageError
from minirnn.sweeps import Sweep, plan
from minirnn.sweeps.jobs import digest

TINY = {"task": {"name": "recall", "length": 5}, "model": {"hidden_size": 4, "embedding_size": 3}}
KEYS = st.sampled_from(["task.length", "task.values", "model.hidden_size", "train.steps", "run.seed", "optimizer.lr"])
GRIDS = st.dictionaries(KEYS, st.lists(st.integers(2, 99), min_size=1, max_size=4, unique=True), max_size=4)
CASES = st.dictionaries(st.sampled_from("abc"), st.just({"train": {"bptt": 2}}))


@given(GRIDS, CASES)
def test_the_points_are_every_combination_once_the_last_key_fastest(grid, cases):
    points = list(Sweep.of({**TINY, "grid": grid, "cases": cases}, "x").points())
    expected = list(itertools.product(cases or [""], *grid.values()))
    assert [(p.case, *p.values.values()) for p in points] == expected


@given(GRIDS)
def test_a_point_holds_its_values_and_leaves_the_rest_as_it_was(grid):
    for point in Sweep.of({**TINY, "grid": grid}, "x").points():
        for key, value in point.values.items():
            table, _, name = key.partition(".")
            assert point.tables[table][name] == value
        if "task.length" not in grid:
            assert point.tables["task"]["length"] == 5


def test_dotted_and_nested_keys_are_the_same_grid():
    quoted, nested = ({**TINY, "grid": grid} for grid in ({"task.length": [5, 6]}, {"task": {"length": [5, 6]}}))
    assert Sweep.of(quoted, "x") == Sweep.of(nested, "x")


def test_a_case_wins_over_the_file_and_its_preset_and_the_grid_over_all():
    cases = {"a": {}, "b": {"preset": "chu-table-3/rnn-20", "scale": "quick", "train": {"steps": 8}}}
    content = {"preset": "chu-table-3/urnn-20", "scale": "quick", "train": {"steps": 7}, "cases": cases,
               "grid": {"optimizer.lr": [0.5]}}
    a, b = (p.tables for p in Sweep.of(content, "x").points())
    assert (a["model"]["name"], a["train"]["steps"]) == ("urnn-exp", 7)
    assert (b["model"]["name"], b["train"]["steps"]) == ("rnn", 8)
    assert a["optimizer"]["lr"] == b["optimizer"]["lr"] == 0.5
    assert a["train"]["stop_at"] == 0.999                           # of the preset at its quick scale


def test_points_that_follow_one_another_with_the_same_task_share_its_data(monkeypatch):
    made, make = [], config.make_task

    def counted(table, data_dir):
        made.append(table["length"])
        return make(table, data_dir)

    monkeypatch.setattr(config, "make_task", counted)
    plan(Sweep.of({**TINY, "grid": {"task.length": [5, 6], "optimizer.lr": [0.1, 0.2], "run.seed": [0, 1]}}, "x"))
    assert made == [5, 6]


MISTAKES = {
    "unknown key": ({"grids": {}}, "did you mean 'grid'?"),
    "unknown key of a case": ({"cases": {"a": {"modle": {}}}}, "did you mean 'model'?"),
    "unknown table": ({"grid": {"tsak.length": [1]}}, "'tsak.length' must be TABLE.KEY"),
    "no key": ({"grid": {"task": [1]}}, "'task' must be TABLE.KEY"),
    "no list": ({"grid": {"run.seed": 3}}, "must be a list of at least one value (got 3)"),
    "no value": ({"grid": {"run.seed": []}}, "must be a list of at least one value (got [])"),
    "set twice": ({"grid": {"run.seed": [0]}, "cases": {"a": {"run": {"seed": 1}}}}, "by the case a and by the grid"),
    "no table": ({"cases": 3}, "cases must be a table (got 3)"),
    "scale alone": ({"scale": "quick"}, "belongs to a preset"),
    "unknown option": ({"grid": {"task.lenght": [5]}}, "lenght 5: there is no option of the task recall"),
    "wrong type": ({"grid": {"optimizer.lr": ["fast"]}}, "lr fast: optimizer.lr must be of type float (got 'fast')"),
    "out of range": ({"grid": {"model.hidden_size": [4, 0]}}, "hidden_size must be at least 1 (got 0)"),
    "bad seed": ({"grid": {"run.seed": [0, -1]}}, "run.seed must be zero or positive (got -1)"),
    "the same twice": ({"grid": {"run.seed": [0, 1, 0]}}, "seed 0 is the same run as seed 0"),
    "unknown preset": ({"preset": "chu-table-33"}, "did you mean 'chu-table-3'?"),
}


@pytest.mark.parametrize(("content", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_before_anything_runs(content, sentence):
    with pytest.raises(UsageError) as error:
        plan(Sweep.of({**TINY, **content}, "x.toml"))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_the_hash_of_a_configuration_is_the_same_in_every_process_and_year():
    assert digest({"task": {"name": "recall", "length": 5}, "run": {"seed": 0}}) == "8289724e3f54"


VALUES = st.one_of(st.integers(-99, 99), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5))
TABLES = st.dictionaries(st.sampled_from(["task", "model", "train"]), st.dictionaries(st.text(max_size=4), VALUES))


@given(TABLES)
def test_the_hash_depends_neither_on_order_nor_on_the_machine(tables):
    turned = {name: dict(reversed(table.items())) for name, table in reversed(tables.items())}
    elsewhere = toml.merge(turned, {"run": {"backend": "cupy", "threads": 8, "data_dir": "/data"}})
    assert digest(turned) == digest(tables)
    assert digest(elsewhere) == digest(toml.merge(tables, {"run": {}}))


@given(TABLES, st.sampled_from(["task", "model", "train"]), st.integers(100, 999))
def test_the_hash_changes_with_every_setting(tables, name, value):
    assert digest(toml.merge(tables, {name: {"added": value}})) != digest(tables)


def test_whole_numbers_hash_alike_as_integers_and_as_floats():
    one, other = ({"model": {"margin": margin}} for margin in (1, 1.0))
    assert digest(one) == digest(other) != digest({"model": {"margin": 1.5}})


def test_a_job_is_named_by_its_hash_and_what_the_grid_says():
    jobs = plan(Sweep.of({**TINY, "grid": {"task.length": [5, 6], "run.seed": [0, 1]}}, "x"))
    assert [job.label for job in jobs] == [f"length {n}, seed {s}" for n in (5, 6) for s in (0, 1)]
    assert all(job.name == f"{job.id}-length-{job.values['task.length']}-seed-{job.seed}" for job in jobs)
    assert len({job.id for job in jobs}) == 4
