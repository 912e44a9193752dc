"""The whole engine on the fake device: the bits of NumPy, and no transfer that was not asked for."""

from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictArray, StrictDevice

from minirnn import backend, catalog
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.models import network
from minirnn.optimizers import SGD, Adam, ClipElementwise, ClipNorm, Optimizer, RMSprop

RULES = {"sgd": lambda: SGD(0.1), "momentum": lambda: SGD(0.1, 0.9), "rmsprop": lambda: RMSprop(0.01)}
RULES["adam"] = lambda: Adam(0.01)
INPUTS = {"features": {}, "one-hot": {"symbols": True}, "embedding": {"symbols": True, "embedding_size": 2}}
CLIPS = {"norm": ClipNorm(0.1), "elementwise": ClipElementwise(0.01)}
ZOO = catalog.components("models")
T, B, K = 19, 3, 4


def batch(symbols, dtype, regression):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (T, B)) if symbols else rng.standard_normal((T, B, 3)).astype(dtype)
    y = rng.standard_normal((K, B, 4)).astype(dtype) if regression else rng.integers(0, 4, (K, B))
    return x, y, np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]])


def steps(build, device, *, rule="adam", clip="norm", dtype=np.float32, regression=False, count=2, **options):
    """`count` training steps on `device` (None: the host); parameters, buffers, memory, state and losses come back.

    Checks on the way that nothing crosses over but the batch and one dropout mask per layer and for the read-out.
    Scattering rows of an embedding asks the device once whether the ids are in range.
    """
    model = build(3, 4, 5, rng=np.random.default_rng(0), layers=2, dropout=0.2, dtype=dtype, **options)
    if device is not None:
        model.to(device)
    loss = MeanSquaredError() if regression else SoftmaxCrossEntropy()
    optimizer = Optimizer(model.params, [("*", RULES[rule]())], model.manifold, [CLIPS[clip]])
    rng, state, losses = np.random.default_rng(2), None, []
    for _ in range(count):
        x, y, mask = batch(options.get("symbols"), dtype, regression)
        if device is not None:
            before = device.to_device, device.to_host
            x, y, mask = backend.to((x, y, mask), device)
            assert device.to_device - before[0] == 3
        prediction, state, tape = model.forward(x, state, rng, read=K)
        value, cache = loss.forward(prediction, SimpleNamespace(y=y, mask=mask))
        optimizer.step(model.params, model.backward(loss.backward(cache), tape))
        model.after_update()
        if device is not None:
            scatters = (1 + (clip == "norm")) * ("embedding_size" in options)
            masks = len(model.layers) + 1
            assert (device.to_device - before[0], device.to_host - before[1]) == (3 + masks, scatters)
        losses.append(value)
    memory = {key: a for key, a in optimizer.state_dict().items() if not key.endswith("/t")}
    return {**model.params, **model.buffers, **memory, "state": state, "losses": losses}


def assert_same_bits(build, **options):
    device = StrictDevice()
    wanted, found = steps(build, None, **options), steps(build, device, **options)
    assert wanted.keys() == found.keys()
    for name, there in found.items():
        if isinstance(there, StrictArray):
            here = wanted[name]
            assert (there.dtype, there.shape) == (here.dtype, here.shape), name
            assert backend.to_host(there).tobytes() == here.tobytes(), name
    flat = [[*result["losses"], *(s for layer in result["state"] for s in layer)] for result in (wanted, found)]
    for here, there in zip(*flat, strict=True):
        assert isinstance(there, StrictArray)
        assert backend.to_host(there).tobytes() == here.tobytes()


@pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
@pytest.mark.parametrize("options", INPUTS.values(), ids=INPUTS.keys())
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_on_a_device_gives_the_bits_of_the_host(build, options, rule, dtype):
    assert_same_bits(build, rule=rule, dtype=dtype, **options)


@pytest.mark.parametrize("options", INPUTS.values(), ids=INPUTS.keys())
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("regression", [False, True])
def test_every_clip_and_loss_runs_on_a_device(options, clip, regression):
    assert_same_bits(ZOO["lstm"], clip=clip, regression=regression, **options)


COMPOSED = [
    *({"activation": name} for name in catalog.components("activations")),
    *({"parametrization": name} for name in catalog.components("parametrizations")),
    *({"cell": name} for name in catalog.components("cells")),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", COMPOSED, ids=[str(*options.values()) for options in COMPOSED])
def test_every_cell_activation_and_parametrization_runs_on_a_device(options, dtype):
    assert_same_bits(network, dtype=dtype, **options)


@pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
def test_evaluation_on_a_device_copies_nothing(build):
    model = build(3, 4, 5, rng=np.random.default_rng(0), dropout=0.5)
    x = np.random.default_rng(1).standard_normal((T, B, 3)).astype(np.float32)
    wanted = model.forward(x, keep=False)[0]
    device = StrictDevice()
    model.to(device)
    x = device.asarray(x)
    before = device.transfers
    found = model.forward(x, keep=False)[0]
    assert device.transfers == before
    assert backend.to_host(found).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
def test_a_model_comes_back_from_a_device_as_it_went(build):
    model = build(3, 4, 5, rng=np.random.default_rng(0), symbols=True)
    kept = {name: x.copy() for name, x in {**model.params, **model.buffers}.items()}
    model.to(StrictDevice())
    assert all(isinstance(x, StrictArray) for x in model.params.values())
    model.to("numpy")
    for name, x in {**model.params, **model.buffers}.items():
        assert isinstance(x, np.ndarray)
        assert (x.dtype, x.tobytes()) == (kept[name].dtype, kept[name].tobytes()), name
