"""Every part of a network, loss and rule on the fake device, found by discovery: the bits of the host."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictArray, StrictDevice

from minirnn import backend, catalog, linalg
from minirnn.model import walk
from minirnn.operators import Operator
from minirnn.optimizers import Optimizer
from minirnn.rows import Rows

KINDS = {"f": np.float32, "c": np.complex64}
RNG = 7


def single(tree):
    """The same in single precision, as it is trained."""
    if isinstance(tree, SimpleNamespace):
        return SimpleNamespace(**{name: single(x) for name, x in vars(tree).items()})
    return tree.astype(KINDS[tree.dtype.kind]) if isinstance(tree, np.ndarray) and tree.dtype.kind in KINDS else tree


def moved(tree, device):
    if isinstance(tree, SimpleNamespace):
        return SimpleNamespace(**backend.to(vars(tree), device))
    return backend.to(tree, device)


def placed(part, device=None):
    """A copy of the component in single precision, on the device if there is one."""
    part = copy.deepcopy(part)
    for _, owner in walk("", part):
        for name in ("params", "buffers"):
            arrays = getattr(owner, name, {})
            for key, x in arrays.items():
                arrays[key] = single(x) if device is None else moved(single(x), device)
    return part


def flat(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in flat(tree[key])]
    if isinstance(tree, Rows):
        return [tree.ids, tree.values]
    if isinstance(tree, list | tuple):
        return [leaf for branch in tree for leaf in flat(branch)]
    return [] if tree is None else [tree]


def assert_same_bits(run, device):
    """`run(device or None)`: the same arrays on both, and nothing comes back."""
    wanted, found = flat(run(None)), flat(run(device))
    assert device.to_host == 0
    assert len(found) == len(wanted) > 0
    for here, there in zip(wanted, found, strict=True):
        here = np.asarray(here)
        if not isinstance(there, StrictArray):                      # a count that no device needs to know
            assert here.tobytes() == np.asarray(there).tobytes()
            continue
        assert (there.dtype, there.shape) == (here.dtype, here.shape)
        assert there.get().tobytes() == here.tobytes()


def examples(kind):
    return [label for label, _ in catalog.examples(kind, 6, np.random.default_rng(RNG))]


def example(kind, label):
    return dict(catalog.examples(kind, 6, np.random.default_rng(RNG)))[label]


@pytest.mark.parametrize("label", examples("layers"))
def test_every_layer_gives_the_bits_of_the_host(label):
    layer, X = example("layers", label)

    def run(device):
        here, x = placed(layer, device), single(X) if device is None else moved(single(X), device)
        Y, *_, cache = here.forward(x, np.random.default_rng(0)) if "dropout" in label else here.forward(x)
        dY = np.random.default_rng(1).standard_normal(Y.shape).astype(Y.real.dtype)
        return Y, here.backward(dY if device is None else device.asarray(dY), cache)

    assert_same_bits(run, StrictDevice())


def normal(shape, dtype, seed, device):
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    x = (parts[0] + 1j * parts[1] if np.dtype(dtype).kind == "c" else parts[0]).astype(dtype)
    return x if device is None else device.asarray(x)


@pytest.mark.parametrize("label", examples("parametrizations"))
def test_every_parametrization_gives_the_bits_of_the_host(label):
    parametrization = example("parametrizations", label)

    def run(device):
        p = placed(parametrization, device)
        W, cache = p.matrix()
        H, dZ = (normal((6, n), W.dtype, k, device) for k, n in enumerate(W.shape[::-1]))
        made = [H @ W.T, dZ @ W.conj()] if isinstance(W, Operator) else [W]
        return made, p.pullback(linalg.outer_sum(W, dZ, H), cache)

    assert_same_bits(run, StrictDevice())


@pytest.mark.parametrize("label", examples("activations"))
def test_every_activation_gives_the_bits_of_the_host(label):
    activation = example("activations", label)

    def run(device):
        f, found = placed(activation, device), []
        for kind in f.kinds:
            z, dh = (normal((3, 6), KINDS[kind], seed, device) for seed in (0, 1))
            h = f.forward(z)
            found += [h, f.backward(dh, z, h), f.gradients(dh, z, h)]
        return found

    assert_same_bits(run, StrictDevice())


@pytest.mark.parametrize("label", examples("regularizers"))
def test_every_regularizer_gives_the_bits_of_the_host(label):
    penalty, W = example("regularizers", label)

    def run(device):
        value, cache = penalty.forward(single(W) if device is None else moved(single(W), device))
        return value, penalty.backward(cache)

    assert_same_bits(run, StrictDevice())


@pytest.mark.parametrize("label", examples("losses"))
def test_every_loss_gives_the_bits_of_the_host(label):
    loss, y, batch = example("losses", label)

    def run(device):
        at, about = (single(y), single(batch)) if device is None else (moved(single(x), device) for x in (y, batch))
        total, count, cache = loss.total(at, about)
        return total, count, loss.backward(cache), loss.forward(at, about)[0]

    assert_same_bits(run, StrictDevice())


OPTIONS = {                                                          # ways of a rule besides its default
    "sgd": [{"momentum": 0.9}], "geodesic": [{"normalise": "rms"}, {"correct_every": 1}],
    "plumbley-multiplicative": [{"correct_every": 1}],
}
RULES = [(name, options) for name in catalog.components("rules") for options in [{}, *OPTIONS.get(name, [])]]


@pytest.mark.parametrize(("name", "options"), RULES, ids=str)
def test_every_rule_gives_the_bits_of_the_host(name, options):
    Rule = catalog.components("rules")[name]
    tag = sorted(Rule.manifolds)[0]
    kinds = ["f", "c"] if "euclidean" in Rule.manifolds or "unitary" in Rule.manifolds else ["f"]

    def run(device):
        r, found = np.random.default_rng(2), []
        for kind in kinds:
            Q = np.linalg.qr(r.standard_normal((6, 6)) + (1j * r.standard_normal((6, 6)) if kind == "c" else 0))[0]
            x = single(Q) if device is None else device.asarray(single(Q))
            here = "unitary" if kind == "c" and tag != "euclidean" else tag
            tags = {} if here == "euclidean" else {"x": here}
            optimizer = Optimizer({"x": x}, [("*", Rule(lr=0.01, **options))], tags)
            for _ in range(3):
                G = single(r.standard_normal((6, 6)) + (1j * r.standard_normal((6, 6)) if kind == "c" else 0))
                optimizer.step({"x": x}, {"x": G if device is None else device.asarray(G)})
            memory = {key: a for key, a in optimizer.state_dict().items() if not key.endswith("/t")}
            found += [x, memory]
        return found

    assert_same_bits(run, StrictDevice())


@pytest.mark.parametrize("name", catalog.components("models"))
def test_a_model_comes_back_from_a_device_as_it_went(name):
    model = catalog.components("models")[name](3, 4, 5, rng=np.random.default_rng(0), symbols=True)
    assert all(x.dtype in (np.float32, np.complex64) for x in model.params.values())
    kept = {name: x.copy() for name, x in {**model.params, **model.buffers}.items()}
    model.to(StrictDevice())
    assert all(isinstance(x, StrictArray) for x in (*model.params.values(), *model.buffers.values()))
    model.to("numpy")
    for name, x in {**model.params, **model.buffers}.items():
        assert isinstance(x, np.ndarray)
        assert (x.dtype, x.tobytes()) == (kept[name].dtype, kept[name].tobytes()), name


def test_arrays_of_two_devices_do_not_mix():
    one, other = (StrictDevice(k).asarray(np.ones(3)) for k in range(2))
    for operation in (lambda: one + other, lambda: np.where(one > 0, one, other), lambda: one.__setitem__(0, other[0])):
        with pytest.raises(ValueError, match=r"resides \(1\) is different from the current device \(0\)"):
            operation()
