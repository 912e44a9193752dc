"""Every update rule beside its paper's algorithm for one number, gradients for them, and a run along these."""

import numpy as np
import oracles
import pytest

from minirnn.optimizers import SGD, Adam, RMSprop

STEPS = 200
RULES = {
    "sgd": (lambda: SGD(0.1), lambda x, g: oracles.sgd(x, g, 0.1)),
    "momentum": (lambda: SGD(0.1, 0.9), lambda x, g: oracles.momentum(x, g, 0.1, 0.9)),
    "rmsprop": (lambda: RMSprop(0.01, 0.9), lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 1e-8)),
    "rmsprop, lasagne": (
        lambda: RMSprop(0.01, convention="lasagne"), lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 0, inside=1e-6)
    ),
    "rmsprop, tensorflow": (
        lambda: RMSprop(0.01, convention="tensorflow"),
        lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 0, inside=1e-10, start=1.0),
    ),
    "rmsprop, arjovsky": (
        lambda: RMSprop(0.01, convention="arjovsky"), lambda x, g: oracles.rmsprop(x, g, 0.01, 0.9, 0, start=1e-3)
    ),
    "adam": (lambda: Adam(0.01), lambda x, g: oracles.adam(x, g, 0.01, 0.9, 0.999, 1e-8)),
}
every_rule = pytest.mark.parametrize("make", [make for make, _ in RULES.values()], ids=RULES.keys())


def gradients(shape, steps=STEPS, dtype=np.float64, seed=0):
    """Gradients whose sizes differ by orders of magnitude between entries and over time."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.uniform(-3, 3, shape) * 10.0 ** rng.uniform(-1, 1, (steps, *[1] * len(shape)))
    g = rng.standard_normal((steps, *shape)) * sizes
    return (g + 1j * rng.permuted(g, axis=0)).astype(dtype) if np.dtype(dtype).kind == "c" else g.astype(dtype)


def run(rule, x, G, name="x"):
    for g in G:
        rule.step(name, x, g)
    return x
