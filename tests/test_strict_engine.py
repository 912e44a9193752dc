"""The whole engine on the fake device: the bits of NumPy, and no transfer that was not asked for."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictArray, StrictDevice

from minirnn import backend, catalog, linalg, models
from minirnn.config import OptimizerOptions
from minirnn.errors import UsageError
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.model import walk
from minirnn.models import network
from minirnn.operators import Operator
from minirnn.optimizers import (
    SGD,
    Adam,
    ClipElementwise,
    ClipNorm,
    Geodesic,
    Optimizer,
    PlumbleyMultiplicative,
    RMSprop,
)
from minirnn.parametrizations import BasedExpMap, ExpMap, Plumbley
from minirnn.trainer import make_optimizer

RULES = {"sgd": lambda: SGD(0.1), "momentum": lambda: SGD(0.1, 0.9), "rmsprop": lambda: RMSprop(0.01)}
RULES["adam"] = lambda: Adam(0.01)
INPUTS = {"features": {}, "one-hot": {"symbols": True}, "embedding": {"symbols": True, "embedding_size": 2}}
CLIPS = {"norm": ClipNorm(0.1), "elementwise": ClipElementwise(0.01)}
ZOO = catalog.components("models")
ALONG = {   # rules for what lives on a manifold, where a straight line is refused
    "geodesic": lambda: Geodesic(0.01),
    "geodesic-rms": lambda: Geodesic(0.01, normalise="rms"),
    "geodesic-corrected": lambda: Geodesic(0.01, correct_every=1),
    "plumbley": lambda: PlumbleyMultiplicative(0.01),
    "plumbley-corrected": lambda: PlumbleyMultiplicative(0.01, correct_every=1),
}
T, B, K = 19, 3, 4


def batch(symbols, dtype, regression):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (T, B)) if symbols else rng.standard_normal((T, B, 3)).astype(dtype)
    y = rng.standard_normal((K, B, 4)).astype(dtype) if regression else rng.integers(0, 4, (K, B))
    return x, y, np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 1, 1]])


def make_rules(model, rule, along, clip):
    """One rule for all parameters, `along` for the tagged ones; "own": as the trainer makes them for the system."""
    if rule == "own":
        clips = {"clip_norm": 0.1} if clip == "norm" else {"clip": 0.01}
        return make_optimizer(SimpleNamespace(optimizer=OptimizerOptions("adam", 0.01, **clips)), model)
    groups = [*((path, ALONG[along]()) for path in model.manifold), ("*", RULES[rule]())]
    return Optimizer(model.params, groups, model.manifold, [CLIPS[clip]])


def exponentials(parts):
    """How many of these parts exponentiate a matrix by scaling and squaring, which asks once for its norm."""
    return sum(isinstance(part, ExpMap | BasedExpMap | Plumbley) for part in parts)


def steps(
    build, device, *, rule="adam", along="geodesic", clip="norm", dtype=np.float32, regression=False, count=2,
    hidden_size=5, **options,
):
    """`count` training steps on `device` (None: the host); parameters, buffers, memory, state and losses come back.

    Checks on the way that nothing crosses over but the batch and one dropout mask per layer and for the read-out.
    A correction of a matrix back to its manifold asks the device how far off it is, an exponential how often to square.
    """
    model = build(3, 4, hidden_size, rng=np.random.default_rng(0), layers=2, dropout=0.2, dtype=dtype, **options)
    if device is not None:
        model.to(device)
    loss = MeanSquaredError() if regression else SoftmaxCrossEntropy()
    optimizer = make_rules(model, rule, along, clip)
    rng, state, losses = np.random.default_rng(2), None, []
    for _ in range(count):
        x, y, mask = batch(options.get("symbols"), dtype, regression)
        if device is not None:
            before = device.to_device, device.to_host
            x, y, mask = backend.to((x, y, mask), device)
            assert device.to_device - before[0] == 3
        prediction, state, tape = model.forward(x, state, rng, read=K)
        value, cache = loss.forward(prediction, SimpleNamespace(y=y, mask=mask))
        value = value + model.penalty(tape)
        optimizer.step(model.params, model.backward(loss.backward(cache), tape))
        model.after_update()
        if device is not None:
            questions = len(model.manifold) * along.endswith("corrected")
            questions += exponentials(part for _, part in model.parts())
            questions += sum(isinstance(optimizer.rules[path], PlumbleyMultiplicative) for path in model.manifold)
            masks = len(model.layers) + 1
            assert (device.to_device - before[0], device.to_host - before[1]) == (3 + masks, questions)
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


@pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
@pytest.mark.parametrize("options", INPUTS.values(), ids=INPUTS.keys())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_as_published_on_a_device_gives_the_bits_of_the_host(build, options, dtype):
    assert_same_bits(build, rule="own", dtype=dtype, train_h0=True, **options)


VARIANTS = {
    "dizzy, singular values": partial(models.dizzy_rnn, singular_values=True),
    "full urnn, rms": partial(models.full_urnn, normalise="rms"),
    **{f"gru, reset {r}": partial(models.gru, reset=r) for r in ("before", "none")},
    "lstm, peepholes": partial(models.lstm, peepholes=True),
    **{f"sparse, {c}, {s}": partial(models.sparse_rnn, cell=c, structure=s, blocks=5 if s == "shuffle" else None)
       for c in ("elman", "gru", "lstm") for s in ("diagonal", "block", "shuffle")},
    **{f"spectral, margin {m}": partial(models.spectral_rnn, margin=m, weight_decay=0.1, prior=0.1)
       for m in (0, 0.5, "none")},
    "radius": partial(models.spectrally_normalised_rnn, norm="radius"),
    **{f"urnn-exp, {g}": partial(models.urnn_exp, gradient=g) for g in ("plumbley", "multiplicative")},
    **{f"network, {c}, {p}": partial(network, cell=c, parametrization=p)
       for c in ("lstm", "gru") for p in ("expmap", "givens", "diagonal", "orthogonal")},
}


@pytest.mark.parametrize("build", VARIANTS.values(), ids=VARIANTS.keys())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_variant_of_a_published_system_gives_the_bits_of_the_host(build, dtype):
    assert_same_bits(build, rule="own", dtype=dtype)


MOVED = [
    (along, name) for along in ALONG for name in ("orthogonal", "svd-margin", "unitary")
    if not (name == "unitary" and along.startswith("plumbley"))     # that rule moves real matrices alone
]


@pytest.mark.parametrize(("along", "name"), MOVED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_rule_along_a_manifold_runs_on_a_device(along, name, dtype):
    assert_same_bits(network, along=along, dtype=dtype, **suited("parametrization", name))


@pytest.mark.parametrize("options", INPUTS.values(), ids=INPUTS.keys())
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("regression", [False, True])
def test_every_clip_and_loss_runs_on_a_device(options, clip, regression):
    assert_same_bits(ZOO["lstm"], clip=clip, regression=regression, **options)


def suited(kind, name):
    """What `network` needs besides: an even width for units that work in pairs, modrelu for a complex matrix."""
    options = {kind: name}
    if kind == "parametrization":
        p = catalog.find("parametrizations", name).sized(4, np.random.default_rng(0))
        return {**options, "activation": "modrelu"} if p.matrix()[0].dtype.kind == "c" else options
    if kind == "activation":
        try:
            catalog.find("activations", name).sized(5).check(5, float)
        except UsageError:
            return {**options, "hidden_size": 6}
    return options


KINDS = ("activation", "parametrization", "cell")
COMPOSED = [(kind, name) for kind in KINDS for name in catalog.components(f"{kind}s")]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("kind", "name"), COMPOSED, ids=[name for _, name in COMPOSED])
def test_every_cell_activation_and_parametrization_runs_on_a_device(kind, name, dtype):
    assert_same_bits(network, dtype=dtype, **suited(kind, name))


def normal(shape, dtype, seed):
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return (parts[0] + 1j * parts[1] if np.dtype(dtype).kind == "c" else parts[0]).astype(dtype)


def compare(run, part):
    """`run(place)` with the part's arrays on the host and on a device: the same bits, and no transfer of its own.

    An exponential may ask once how often to square.
    """
    wanted, device = run(lambda x: x), StrictDevice()
    for _, owner in walk("", part):
        for arrays in (owner.params, getattr(owner, "buffers", {})):
            arrays.update(backend.to(arrays, device))
    found = run(device.asarray)
    assert found.keys() == wanted.keys()
    assert device.to_host == exponentials(owner for _, owner in walk("", part))
    for name, there in found.items():
        here = np.asarray(wanted[name])
        assert isinstance(there, StrictArray), name
        assert (there.dtype, there.shape) == (here.dtype, here.shape), name
        assert backend.to_host(there).tobytes() == here.tobytes(), name


def cast(part):
    kinds = {"f": np.float32, "c": np.complex64}
    for _, owner in walk("", part):
        for arrays in (owner.params, getattr(owner, "buffers", {})):
            arrays.update({k: x.astype(kinds[x.dtype.kind]) for k, x in arrays.items() if x.dtype.kind in kinds})
    return part


def labelled(kind):
    return [label for label, _ in catalog.examples(kind, 4, np.random.default_rng(0))]


@pytest.mark.parametrize("label", labelled("parametrizations"))
def test_every_example_of_a_parametrization_runs_on_a_device(label):
    p = cast(dict(catalog.examples("parametrizations", 4, np.random.default_rng(0)))[label])

    def run(place):
        W, cache = p.matrix()
        H, dZ = (place(normal((6, n), W.dtype, k)) for k, n in enumerate(W.shape[::-1]))
        found = {"z": H @ W.T, "dh": dZ @ W.conj()} if isinstance(W, Operator) else {"W": W}
        return {**found, **p.pullback(linalg.outer_sum(W, dZ, H), cache)}

    compare(run, p)


@pytest.mark.parametrize("label", labelled("activations"))
def test_every_example_of_an_activation_runs_on_a_device(label):
    f = cast(dict(catalog.examples("activations", 4, np.random.default_rng(0)))[label])

    def run(place, dtype):
        z, dh = (place(normal((3, 4), dtype, seed)) for seed in (0, 1))
        h = f.forward(z)
        return {"h": h, "dz": f.backward(dh, z, h), **f.gradients(dh, z, h)}

    for kind in f.kinds:
        compare(partial(run, dtype={"f": np.float32, "c": np.complex64}[kind]), f)
        for _, owner in walk("", f):
            owner.params.update(backend.to(owner.params, "numpy"))


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
    assert device.transfers == before + exponentials(part for _, part in model.parts())
    assert backend.to_host(found).tobytes() == wanted.tobytes()


@pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
def test_a_model_comes_back_from_a_device_as_it_went(build):
    model = build(3, 4, 5, rng=np.random.default_rng(0), symbols=True)
    assert all(x.dtype in (np.float32, np.complex64) for x in model.params.values())
    kept = {name: x.copy() for name, x in {**model.params, **model.buffers}.items()}
    model.to(StrictDevice())
    assert all(isinstance(x, StrictArray) for x in (*model.params.values(), *model.buffers.values()))
    model.to("numpy")
    for name, x in {**model.params, **model.buffers}.items():
        assert isinstance(x, np.ndarray)
        assert (x.dtype, x.tobytes()) == (kept[name].dtype, kept[name].tobytes()), name
