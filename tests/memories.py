"""One training step with each memory of backpropagation: small batches, what may be asked of them, and how exact."""

import numpy as np
from numpy.random import default_rng

from minirnn import catalog
from minirnn.activations import OPLU, Abs, Identity
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import network
from minirnn.rows import Rows
from minirnn.tasks.base import Batch

MEMORIES = catalog.components("memories")
T, B, n_in, n_out, n = 150, 3, 4, 5, 6       # ten pieces for checkpoint, three for reversible
REVERSIBLE = {"identity": Identity, "abs": Abs, "oplu": OPLU}

# In float64 a sum over 450 positions that is cut elsewhere differs by some 450 u = 1e-13 of its largest term.
ROUNDING = 1e-11
# In float64 a step adds some u = 1e-16 of the state and a matrix is orthogonal to 1e-15; 64 to 150 steps add up.
DRIFT = 1e-11

SETTINGS = {
    "every step": {},
    "no mask": {"mask": False},
    "pieces without a question": {"mask": "in the middle"},
    "the last step": {"read": 1},
    "the last hundred steps": {"read": 100},
    "symbols": {"symbols": True},
    "an embedding": {"symbols": True, "embedding_size": 3},
    "two layers": {"layers": 2},
    "dropout": {"layers": 2, "dropout": 0.4, "read": 100},
    "a trained start": {"layers": 2, "train_h0": True},
    "tied": {"symbols": True, "embedding_size": n, "tied": True},
}
BATCH = ("read", "mask", "symbols")


def split(options):
    kept = {"symbols"} & options.keys()
    batch = {k: v for k, v in options.items() if k in BATCH}
    return batch, {k: v for k, v in options.items() if k not in BATCH or k in kept}


def orthogonal(activation, parametrization="orthogonal"):
    def build(*args, **options):
        return network(*args, activation=activation, parametrization=parametrization, **options)

    return build


def sequences(symbols=False, read=T, mask=True, regression=False):
    rng = default_rng(0)
    x = rng.integers(0, n_in, (T, B)) if symbols else rng.standard_normal((T, B, n_in))
    y = rng.standard_normal((read, B, n_out)) if regression else rng.integers(0, n_out, (read, B))
    counts = rng.random((read, B)) < 0.7
    if mask == "in the middle":
        counts[:40] = counts[-40:] = False                          # whole pieces are asked nothing
    return Batch(x, y, counts.astype(np.int64) if mask else None)


def run(memory, build, batch, *, state=None, loss=None, **options):
    model = build(n_in, n_out, n, rng=default_rng(1), dtype=np.float64, **options)
    loss = SoftmaxCrossEntropy() if loss is None else loss
    return model, MEMORIES[memory]().gradients(model, loss, batch, state, default_rng(5))


def assert_same(found, wanted, model, limit):
    """`limit` bounds the error of each gradient in parts of its largest entry."""
    np.testing.assert_allclose(found.total, wanted.total, rtol=limit)
    assert found.count == wanted.count
    np.testing.assert_allclose(found.penalty, wanted.penalty, rtol=limit)
    for here, there in zip(found.last, wanted.last, strict=True):
        for a, b in zip(here, there, strict=True):
            np.testing.assert_array_equal(a, b)
    assert found.grads.keys() == wanted.grads.keys()
    for name, d in wanted.grads.items():
        other = found.grads[name]
        assert isinstance(other, Rows) == isinstance(d, Rows)
        d, other = (x.dense(model.params[name]) if isinstance(x, Rows) else x for x in (d, other))
        assert other.shape == d.shape
        error = np.max(np.abs(other - d))
        assert error <= limit * np.max(np.abs(d)), f"{name}: {error / np.max(np.abs(d)):.1e}"
