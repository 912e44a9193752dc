"""Configurations drawn at random from all tables and keys there are: each trains, or is refused in a sentence."""

import inspect
import json
import tomllib

import numpy as np
import pytest
from promises import cases

from minirnn import catalog, config
from minirnn.errors import RunFailed, UsageError
from minirnn.models.base import assemble
from minirnn.trainer import build

DRAWN = 100     # per test
VALUES = [0, 1, -1, 2, 3, 10**6, 2**40, 10**30, -10**30, 10**400, 0.0, -0.0, 1e-300, 1e300, np.nan, np.inf, -np.inf,
          True, False, "", "x", "adam", "lstm", "\0", "../..", "a" * 300, [], [1], ["spectrum"], [[]], {}, {"a": 1},
          {"name": "x"}, "tanh", "dense", "float16", "cosine"]
TASKS = ["recall", "copy", "adding", "kth-largest", "ptb-char", "sequential-mnist"]


def keys():
    """{table: every key that some task, model or section knows, and one that none does}"""
    found = {"task": {"mistaken"}, "model": {"mistaken", *inspect.signature(assemble).parameters}}
    for table, kind in (("task", "tasks"), ("model", "models")):
        for component in catalog.components(kind).values():
            found[table] |= set(inspect.signature(component).parameters)
    for name, section in config.SECTIONS.items():
        found[name] = {"name", *section.__dataclass_fields__}
    return {name: sorted(known) for name, known in found.items()}


KEYS = keys()


def draw(rng):
    """A small configuration that is good, and then up to three values anywhere."""
    def pick(choices):
        return choices[int(rng.integers(len(choices)))]

    def some(kind):
        return pick(list(catalog.components(kind)))

    n = int(rng.integers(1, 8))
    tables = {"task": {"name": pick(TASKS)}, "model": {"name": some("models"), "hidden_size": n},
              "train": {"steps": 1, "batch_size": 2},
              "optimizer": {"rule": some("rules"), "schedule": some("schedules")}}
    if rng.random() < 0.5:
        tables["model"] |= {"name": "network", "cell": some("cells"), "parametrization": some("parametrizations"),
                            "activation": some("activations")}
    if rng.random() < 0.3:
        tables["optimizer"]["options"] = {pick(["momentum", "rho", "beta1", "eps", "correct_every", "x"]): pick(VALUES)}
    if rng.random() < 0.3:
        key = pick(["steps", "final", "every", "decay", "watch", "x"])
        tables["optimizer"]["schedule_options"] = {key: pick(VALUES)}
    for _ in range(int(rng.integers(0, 4))):
        table = pick(list(KEYS))
        if rng.random() < 0.05:
            tables[table] = pick(VALUES)
        elif isinstance(tables.setdefault(table, {}), dict):
            tables[table][pick(KEYS[table])] = pick(VALUES)
    return tables


def trains_or_is_refused(tables, resolve=config.resolve):
    """The configuration, where it is one, survives TOML; an update of its network ends in numbers or in a sentence."""
    said = ""
    try:
        settings, task = resolve(tables)
        again, _ = config.resolve(tomllib.loads(settings.to_toml()))
        assert repr(again.tables()) == repr(settings.tables())
        affordable = settings.model.get("hidden_size", 1) <= 8 and settings.model.get("layers", 1) <= 3
        if affordable and settings.train.batch_size <= 8 and settings.train.accumulate <= 4:
            trainer = build(settings, task)
            if len(task.batch("train", 1, 0, 0).x) <= 200:
                trainer.update(0)
                json.dumps(trainer.progress())
    except (UsageError, RunFailed) as error:
        said = str(error)
    except MemoryError:
        said = "memory ran out"
    assert "\n" not in said.strip()


@pytest.mark.promise("configurations")
@pytest.mark.parametrize("number", cases(20, short=1))
def test_a_random_configuration_trains_or_is_refused_in_a_sentence(monkeypatch, tmp_path, number, tried):
    monkeypatch.setenv("MINIRNN_DATA", str(tmp_path))
    for seed in range(number * DRAWN, (number + 1) * DRAWN):
        tables = draw(np.random.default_rng(seed))
        try:
            trains_or_is_refused(tables)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}: {tables}") from error
    tried(DRAWN)


# -- planted violations


@pytest.mark.control("configurations")
def test_a_configuration_that_is_not_checked_is_caught():
    def unchecked(tables):
        sections = {name: section(**tables.get(name, {})) for name, section in config.SECTIONS.items()}
        return config.Config(tables["task"], tables["model"], **sections), None

    mistaken = {"task": {"name": "recall"}, "model": {"name": "rnn"}, "train": {"mistaken": 3}}
    with pytest.raises((TypeError, KeyError, AttributeError)):
        trains_or_is_refused(mistaken, unchecked)
