"""Every layer, regularizer, loss, rule and schedule on the fake device, found by discovery: the bits of the host."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictArray, StrictDevice

from minirnn import backend, catalog
from minirnn.model import walk
from minirnn.optimizers import Optimizer
from minirnn.parametrizations import ExpMap
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


def assert_same_bits(run, device, norms=0):
    """`run(device or None)`: the same arrays on both; back come as many norms as there are exponentials to scale."""
    wanted, found = flat(run(None)), flat(run(device))
    assert device.to_host == norms
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

    assert_same_bits(run, StrictDevice(), sum(isinstance(part, ExpMap) for _, part in walk("", layer)))


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


@pytest.mark.parametrize("name", catalog.components("rules"))
def test_every_rule_gives_the_bits_of_the_host(name):
    Rule = catalog.components("rules")[name]
    tag = sorted(Rule.manifolds)[0]
    kinds = ["f", "c"] if "euclidean" in Rule.manifolds or "unitary" in Rule.manifolds else ["f"]

    def run(device):
        r, found = np.random.default_rng(2), []
        for kind in kinds:
            Q = np.linalg.qr(r.standard_normal((6, 6)) + (1j * r.standard_normal((6, 6)) if kind == "c" else 0))[0]
            x = single(Q) if device is None else device.asarray(single(Q))
            here = "unitary" if kind == "c" and tag != "euclidean" else tag
            optimizer = Optimizer({"x": x}, [("*", Rule(lr=0.01))], {} if here == "euclidean" else {"x": here})
            for _ in range(3):
                G = single(r.standard_normal((6, 6)) + (1j * r.standard_normal((6, 6)) if kind == "c" else 0))
                optimizer.step({"x": x}, {"x": G if device is None else device.asarray(G)})
            memory = {key: a for key, a in optimizer.state_dict().items() if not key.endswith("/t")}
            found += [x, memory]
        return found

    exponentials = 3 * len(kinds) if name == "plumbley-multiplicative" else 0
    assert_same_bits(run, StrictDevice(), exponentials)


def test_arrays_of_two_devices_do_not_mix():
    one, other = (StrictDevice(k).asarray(np.ones(3)) for k in range(2))
    for operation in (lambda: one + other, lambda: np.where(one > 0, one, other), lambda: one.__setitem__(0, other[0])):
        with pytest.raises(ValueError, match=r"resides \(1\) is different from the current device \(0\)"):
            operation()
