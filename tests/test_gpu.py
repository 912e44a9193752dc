"""What needs a CUDA device: the kernels on it, training on it, and its gradients against the host's float64."""

import numpy as np
import pytest

from minirnn import backend, kernels, models
from minirnn.bptt import Checkpoint
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.memory import keep_freed_memory
from minirnn.optimizers import Adam, Optimizer
from minirnn.tasks.base import Batch
from minirnn.tasks.copy import Copy

STATUS = backend.cuda_status()
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not STATUS.usable, reason=f"no CUDA device: {STATUS.reason}")]
SYSTEMS = {
    **{f"elman {f}": lambda n, f=f, **kw: models.rnn(10, 9, n, activation=f, **kw)
       for f in ("tanh", "relu", "leaky-relu", "abs", "identity", "oplu", "prelu")},
    "lstm": lambda n, **kw: models.lstm(10, 9, n, **kw),
    "peephole-lstm": lambda n, **kw: models.lstm(10, 9, n, peepholes=True, **kw),
    "gru": lambda n, **kw: models.gru(10, 9, n, **kw),
}
WITHIN = 1e-5       # ‖g − g'‖ / ‖g'‖, float32 on the device against float64 on the host


def batch(T, B, dtype, place):
    rng = np.random.default_rng(0)
    return backend.to(Batch(rng.standard_normal((T, B, 10)).astype(dtype), rng.integers(0, 9, (T, B))), place)


def gradients(build, n, T, B, place, kernel, dtype):
    model = build(n, rng=np.random.default_rng(1), dtype=dtype).to(place)
    kernels.force(kernel, model.layers, place, dtype)
    given, loss = batch(T, B, dtype, place), SoftmaxCrossEntropy()
    y, _, tape = model.forward(given.x)
    value, cache = loss.forward(y, given)
    grads = model.backward(loss.backward(cache), tape)
    return float(backend.to_host(value)), {name: backend.to_host(g) for name, g in grads.items()}


@pytest.mark.parametrize("size", [(1, 1, 4), (20, 7, 31 + 1), (50, 50, 128), (30, 300, 64)], ids=str)
@pytest.mark.parametrize("kernel", ["step", "elementwise", "sequence"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_gradients_on_the_device_are_those_of_the_host_in_float64(name, kernel, size):
    T, B, n = size
    L, wanted = gradients(SYSTEMS[name], n, T, B, "numpy", "auto", np.float64)
    L_device, found = gradients(SYSTEMS[name], n, T, B, "cupy", kernel, np.float32)
    assert L_device == pytest.approx(L, rel=WITHIN)
    for path, g in wanted.items():
        assert np.linalg.norm(found[path] - g) <= WITHIN * max(np.linalg.norm(g), 1e-3), path


@pytest.mark.parametrize("name", ["elman tanh", "elman oplu", "lstm", "gru"])
def test_gradients_in_pieces_of_time_are_those_of_the_host_in_float64(name):
    found = []
    for place, dtype in (("numpy", np.float64), ("cupy", np.float32)):
        model = SYSTEMS[name](32, rng=np.random.default_rng(1), dtype=dtype).to(place)
        grads = Checkpoint().gradients(model, SoftmaxCrossEntropy(), batch(100, 7, dtype, place), None, None).grads
        found.append({path: backend.to_host(g) for path, g in grads.items()})
    for path, g in found[0].items():
        assert np.linalg.norm(found[1][path] - g) <= WITHIN * max(np.linalg.norm(g), 1e-3), path


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_walk_reuses_nothing_of_the_walk_before(cell):
    build = SYSTEMS[{"rnn": "elman tanh"}.get(cell, cell)]
    first, second = (gradients(build, 64, 40, 50, "cupy", "sequence", np.float32)[1] for _ in range(2))
    for path in first:
        np.testing.assert_allclose(second[path], first[path], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kernel", kernels.KERNELS)
def test_training_lowers_the_loss_with_every_kernel(kernel):
    keep_freed_memory()
    task = Copy(length=10)
    model = models.lstm(task.n_in, task.n_out, 64, rng=np.random.default_rng(0), symbols=True, dtype=np.float32)
    model.to("cupy")
    kernels.force(kernel, model.layers, "cupy", np.float32)
    loss, optimizer, losses = SoftmaxCrossEntropy(), Optimizer(model.params, [("*", Adam(0.01))]), []
    for step in range(30):
        given = task.batch("train", 50, seed=0, step=step).map(lambda x: backend.to(x, "cupy"))
        y, _, tape = model.forward(given.x, read=len(given.y))
        value, cache = loss.forward(y, given)
        optimizer.step(model.params, model.backward(loss.backward(cache), tape))
        losses.append(float(value))
    assert losses[-1] < 0.8 * losses[0]
    assert all(backend.is_cupy(x) for x in model.params.values())
