"""Whole models whose layers run the kernels on the host: their gradients, and what surrounds a kernel on a device."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from emulated import COMPILER, EmulatedDevice
from kernel_problems import kernel_folder
from strict_array import StrictDevice

from minirnn import backend, kernels
from minirnn.bptt import Checkpoint
from minirnn.bptt.checkpoint import piece_length
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import gru, lstm, rnn
from minirnn.tasks.base import Batch

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler, g++ or clang++, to run the kernels")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return kernel_folder(tmp_path_factory)


def gradients(build, dtype, walk, place=None):
    """Of a model whose two layers run `walk`, on the strict device where one is given, on the host otherwise."""
    rng, loss = np.random.default_rng(0), SoftmaxCrossEntropy()
    x, y = rng.standard_normal((20, 7, 3)).astype(dtype), rng.integers(0, 4, (20, 7))
    model = build(3, 4, 32, rng=np.random.default_rng(1), layers=2, dtype=dtype)
    if place is not None:
        model.to(place)
        x, y = backend.to((x, y), place)
    for layer in model.layers:
        layer.cell.kernel = walk
    scores, _, tape = model.forward(x)
    _, cache = loss.forward(scores, SimpleNamespace(y=y, mask=None))
    return backend.to(model.backward(loss.backward(cache), tape), "numpy")


SYSTEMS = {"rnn": rnn, "prelu": partial(rnn, activation="prelu"), "lstm": lstm, "gru": gru,
           "peephole-lstm": partial(lstm, peepholes=True)}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("build", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_a_model_s_float32_gradients_are_within_1e5_of_float64(build, walk, folder, monkeypatch):
    """Through the model, the recurrent layer and the hook in the time loop, as on a device."""
    place = EmulatedDevice(folder)
    monkeypatch.setattr(kernels.device, "device_of", lambda x: place if x.dtype == np.float32 else None)
    wanted, found = gradients(build, np.float64, walk), gradients(build, np.float32, walk)
    assert {launched[0] for launched in place.launches} == {walk}
    for path, g in wanted.items():
        assert np.linalg.norm(found[path] - g) <= 1e-5 * np.linalg.norm(g), path


@pytest.mark.parametrize("build", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_a_batch_in_pieces_of_time_is_walked_by_kernels_in_both_directions(build, folder, monkeypatch):
    """With the memory `checkpoint`, each piece but the last receives a gradient from the one that follows."""
    T, place = 40, EmulatedDevice(folder)
    monkeypatch.setattr(kernels.device, "device_of", lambda x: place if x.dtype == np.float32 else None)
    found = []
    for dtype in (np.float64, np.float32):
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((T, 3, 3)).astype(dtype), rng.integers(0, 4, (2, 3)))
        model = build(3, 4, 8, rng=np.random.default_rng(1), layers=2, dtype=dtype)
        found.append(Checkpoint().gradients(model, SoftmaxCrossEntropy(), batch, None, None).grads)
    for path, g in found[0].items():
        assert np.linalg.norm(found[1][path] - g) <= 1e-5 * np.linalg.norm(g), path
    pieces = -(-T // piece_length(T))
    assert [walk[:2] for walk in place.launches].count(("sequence", "backward")) == 2 * pieces > 2
    assert {walk[0] for walk in place.launches} == {"sequence"}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("build", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_what_surrounds_a_kernel_runs_on_a_device_s_arrays(build, walk, folder, monkeypatch):
    """The strict device refuses what CuPy refuses, and nothing crosses over but x and y.

    The same bits where a network has one gate. With several, the host has an array for each and makes their products
    gate by gate: other sums of the same terms, as in `assert_agree`.
    """
    place, strict = EmulatedDevice(folder), StrictDevice()
    monkeypatch.setattr(kernels.device, "device_of", lambda x: place)
    wanted = gradients(build, np.float32, walk)
    there = len(wanted)
    found = gradients(build, np.float32, walk, strict)
    assert strict.to_device == there + 2
    assert strict.to_host == there
    T, one_gate = 20, build in (rnn, SYSTEMS["prelu"])
    for path, g in wanted.items():
        bound = 0 if one_gate else 8 * T * np.finfo(np.float32).eps * np.max(np.abs(g))
        np.testing.assert_allclose(found[path], g, rtol=0, atol=bound, err_msg=path)
