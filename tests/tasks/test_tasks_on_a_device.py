"""Every task, found by discovery, trained and evaluated on the fake device: the bits of the host, and no copy back."""

import fake_cupy
import numpy as np
import pytest
from twins import same_bits, twins

from minirnn import catalog

NAMES = list(catalog.components("tasks"))


def tables(name, data_folder, **train):
    small = {"copy": {"length": 8}, "adding": {"length": 8}, "recall": {"length": 8}}
    small |= {"kth-largest": {"length": 8, "k": 2}, "ptb-word": {"window": 5}, "sequential-mnist": {"layout": "rows"}}
    return {
        "task": {"name": name, **small.get(name, {})},
        "model": {"name": "lstm", "hidden_size": 5},
        "train": {"batch_size": 4, "steps": 3, **train},
        "run": {"data_dir": str(data_folder)},
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_task_trains_and_is_evaluated_with_the_bits_of_the_host(monkeypatch, data_folder, name):
    device = fake_cupy.install(monkeypatch)
    bptt = {"bptt": 100} if name == "permuted-mnist" else {}
    host, there = twins(tables(name, data_folder, **bptt))
    for step in range(2):
        host.update(step)
        before, to_device = device.to_host, device.to_device
        there.update(step)
        assert device.to_host == before
        batch = there.task.batch("train", 4, 0, step)
        arrays = 2 + (batch.mask is not None)
        pieces = sum(1 for _ in batch.chunks(there.config.train.bptt or None))
        assert device.to_device - to_device == pieces * arrays
    assert same_bits(host, there)
    for trainer in (host, there):
        monkeypatch.setattr(trainer.task, "batches", lambda split, size: 2, raising=True)
    assert there.evaluate("valid") == host.evaluate("valid")


@pytest.mark.parametrize("name", [n for n, Task in catalog.components("tasks").items() if Task.stateful])
def test_a_carried_state_stays_on_the_device(monkeypatch, data_folder, name):
    device = fake_cupy.install(monkeypatch)
    host, there = twins(tables(name, data_folder))
    before = device.to_host
    for step in range(3):
        host.update(step)
        there.update(step)
    assert device.to_host == before
    for here, x in zip(host.carried[0], there.carried[0], strict=True):
        np.testing.assert_array_equal(x.get(), here)
