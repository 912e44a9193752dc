"""Adding rows in a fixed order: the sums of the host, whatever order the device's atomics take."""

import fake_cupy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_array import StrictDevice

from minirnn import backend, config
from minirnn.rows import Rows
from minirnn.runs import Run

rng = np.random.default_rng


def added(add, target, ids, values, device):
    there = device.asarray(target)
    before = device.transfers + 2
    add(there, device.asarray(ids), device.asarray(values))
    assert device.transfers == before
    return there.get()


@given(st.integers(0, 70), st.integers(1, 9), st.sampled_from([(), (3,), (2, 2)]), st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("dtype", [np.float32, np.complex64, np.int64])
def test_every_duplicate_is_added_once(dtype, count, rows, trailing, seed):
    r = rng(seed)
    ids = r.integers(0, rows, count)
    values = r.integers(-9, 9, (count, *trailing)).astype(dtype)    # small integers: sums are exact in any order
    target = r.integers(-9, 9, (rows, *trailing)).astype(dtype)
    found = added(backend.add_at_in_order, target, ids, values, StrictDevice())
    backend.add_at(target, ids, values)
    np.testing.assert_array_equal(found, target)
    assert found.dtype == dtype


@pytest.mark.parametrize("seed", range(3))
def test_it_agrees_with_the_host_to_the_rounding_of_its_shorter_sums(seed):
    ids, values = rng(seed).integers(0, 5, (40, 25)), rng(seed).standard_normal((40, 25, 7)).astype(np.float32)
    target = np.zeros((6, 7), np.float32)
    found = added(backend.add_at_in_order, target, ids, values, StrictDevice())
    exact, size = np.zeros((6, 7)), np.zeros((6, 7))
    np.add.at(exact, ids, values.astype(float))
    np.add.at(size, ids, np.abs(values).astype(float))
    # summed in pairs over at most ceil(log2 1000) = 10 rounds: an error of at most 10 roundings of the sum of moduli
    assert np.all(np.abs(found - exact) <= 10 * np.finfo(np.float32).eps / 2 * size * 1.001)


def test_the_order_of_the_devices_atomics_decides_the_bits_of_one_and_not_of_the_other():
    ids, values = rng(0).integers(0, 3, 300), rng(1).standard_normal((300, 4)).astype(np.float32)
    target = np.zeros((3, 4), np.float32)
    bits = {
        add: {added(add, target, ids, values, StrictDevice(atomics=rng(seed))).tobytes() for seed in range(5)}
        for add in (backend.add_at, backend.add_at_in_order)
    }
    assert len(bits[backend.add_at]) > 1
    assert len(bits[backend.add_at_in_order]) == 1


def test_on_the_host_it_is_the_host_s_own_sum():
    ids, values = rng(0).integers(0, 3, 50), rng(1).standard_normal((50, 2)).astype(np.float32)
    one, other = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
    backend.add_at(one, ids, values)
    backend.add_at_in_order(other, ids, values)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("change", [lambda r: r.summed(), lambda r: r.unique(), lambda r: r._replace(values=r.values)])
def test_rows_remember_how_they_are_to_be_summed(change):
    rows = Rows(np.array([1, 1]), np.ones((2, 2)), backend.add_at_in_order)
    assert change(rows).add_at is backend.add_at_in_order


def trained(monkeypatch, folder, seed, deterministic, **train):
    fake_cupy.install(monkeypatch, atomics=rng(seed))
    settings, task = config.resolve({
        "task": {"name": "recall", "length": 9},
        "model": {"name": "rnn", "hidden_size": 5, "embedding_size": 4},
        "optimizer": {"clip_norm": 0.5},
        "train": {"batch_size": 20, "steps": 4, "evaluate_every": 4, **train},
        "run": {"backend": "cupy", "deterministic": deterministic},
    })
    run = Run.create(folder, settings, task)
    list(run.train())
    return {name: backend.to_host(x).tobytes() for name, x in run.trainer.arrays().items()}


@pytest.mark.parametrize("train", [{}, {"accumulate": 2}, {"bptt": 4}])
def test_a_deterministic_run_has_the_same_bits_whatever_the_device_does(monkeypatch, tmp_path, train):
    runs = [trained(monkeypatch, tmp_path / str(k), k, True, **train) for k in range(3)]
    assert runs[0] == runs[1] == runs[2]


def test_a_run_that_is_not_deterministic_has_not(monkeypatch, tmp_path):
    one, other = (trained(monkeypatch, tmp_path / str(k), k, False) for k in range(2))
    assert one != other
