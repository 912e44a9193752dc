"""What only a CUDA device can say: that CuPy's own answers are those the stand-ins give."""

import numpy as np
import pytest
from twins import tables

from minirnn import backend, catalog, checkpoint, config
from minirnn.runs import CHECKPOINT, Run

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _needs_a_device():
    status = backend.cuda_status()
    if not status.usable:
        pytest.skip(status.reason)


def test_rows_added_in_order_are_those_of_the_host_and_the_same_each_time():
    rng = np.random.default_rng(0)
    ids, values = rng.integers(0, 50, 5_000), rng.standard_normal((5_000, 64)).astype(np.float32)
    found = []
    for _ in range(3):
        there = backend.to(np.zeros((60, 64), np.float32), "cupy")
        backend.add_at_in_order(there, *backend.to((ids, values), "cupy"))
        found.append(backend.to_host(there))
    here = np.zeros((60, 64), np.float32)
    backend.add_at(here, ids, values)
    np.testing.assert_allclose(found[0], here, rtol=0, atol=1e-4)   # sums of about 100 normal numbers
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


def test_linear_algebra_that_fails_is_raised():
    wrong = backend.to(np.zeros((3, 3), np.float32), "cupy")
    with pytest.raises(np.linalg.LinAlgError):
        backend.solve(wrong, wrong)


def test_memory_that_runs_out_is_recognised_and_the_device_goes_on():
    there = backend.to(np.zeros(8, np.float32), "cupy")
    with pytest.raises(MemoryError) as caught:
        np.zeros(2**48, dtype=np.uint8, like=there)
    assert backend.fault(caught.value).startswith("the device's memory ran out: 256.0 TiB were asked for")
    assert backend.numbers([there.sum()]) == [0.0]


def test_the_facts_of_the_device_are_numbers():
    memory = backend.device_memory(0)
    assert 0 < memory.free <= memory.total
    assert memory.pool >= 0
    assert backend.double_slowdown(0) >= 1
    with pytest.raises(ValueError, match="there is no device 99"):
        backend.resolve("cupy", 99)


@pytest.mark.parametrize("model", catalog.components("models"))
@pytest.mark.parametrize("places", [("numpy", "cupy"), ("cupy", "numpy")], ids="->".join)
def test_a_run_resumed_on_the_other_backend_agrees_to_rounding(tmp_path, model, places):
    given = tables(model, run={"dtype": "float64"}, embedding_size=3, train={"batch_size": 100})
    runs = {}
    for name, (first, then) in {"here": ("numpy", "numpy"), "there": places}.items():
        settings, task = config.resolve(given, {"run": {"backend": first}, "train": {"steps": 2}})
        list(Run.create(tmp_path / name, settings, task).train())
        list(Run.resume(tmp_path / name, {"run": {"backend": then}, "train": {"steps": 4}}).train())
        runs[name] = checkpoint.load(tmp_path / name / CHECKPOINT)[0]
    for name, x in runs["here"].items():
        if name.startswith("param/"):
            np.testing.assert_allclose(runs["there"][name], x, rtol=1e-6, atol=1e-8)
