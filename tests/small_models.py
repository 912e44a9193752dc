"""Small models in double precision, data for them, and their gradients; every published system and kind of input."""

from types import SimpleNamespace

import numpy as np
import pytest

from minirnn import catalog
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import rnn
from minirnn.optimizers import Geodesic

ZOO = catalog.components("models")
every_model = pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
INPUTS = {"features": {}, "one-hot": {"symbols": True}, "embedding": {"symbols": True, "embedding_size": 2}}
every_input = pytest.mark.parametrize("options", INPUTS.values(), ids=INPUTS.keys())
LOSS = SoftmaxCrossEntropy()


def make(build=rnn, seed=0, **options):
    return build(3, 4, 5, rng=np.random.default_rng(seed), **{"dtype": np.float64, **options})


def data(options, T=6, B=2, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (T, B)) if options.get("symbols") else rng.standard_normal((T, B, 3)).astype(dtype)
    return x, SimpleNamespace(y=rng.integers(0, 4, (T, B)), mask=None)


def gradients(model, x, batch, **options):
    y, _, tape = model.forward(x, **options)
    value, cache = LOSS.forward(y, batch)
    return value, model.backward(LOSS.backward(cache), tape)


def along_manifolds(model, rule):
    """Groups that give everything to `rule` but what lives on a manifold, where a straight line is refused."""
    return [*((path, Geodesic(0.01)) for path in model.manifold), ("*", rule)]
