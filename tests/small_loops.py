"""Small problems for the loop over time, and the loop run on them in both directions."""

from types import SimpleNamespace

import numpy as np

from minirnn import catalog, unroll
from minirnn.activations import Gain, LeakyReLU, ModReLU, PReLU
from minirnn.cells import Elman

LENGTHS = (1, 15, 16, 17, 40)          # around one segment of the loop, and several

# the activations as their literal forms in `oracles` have them; the others have nothing to choose
CHOSEN = {
    "gain": lambda n, rng: Gain(g=1.05, trained=True),
    "leaky-relu": lambda n, rng: LeakyReLU(0.5),
    "modrelu": lambda n, rng: ModReLU(rng.uniform(-0.5, 0.5, n)),
    "prelu": lambda n, rng: PReLU(rng.uniform(-0.5, 1.5, n)),
}


def activation_of(name, n, rng):
    return CHOSEN[name](n, rng) if name in CHOSEN else catalog.find("activations", name)()


def normal(shape, rng, kind="f"):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if kind == "c" else x


def elman_problem(T, activation="tanh", kind="f", B=3, n=4, m=2, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        "X": normal((T, B, m), rng, kind),
        "U": normal((n, m), rng, kind),
        "W": normal((n, n), rng, kind) / np.sqrt(n),
        "b": normal(n, rng, kind),
        "h0": normal((B, n), rng, kind),
    }
    return Elman(activation_of(activation, n, rng)), arrays, rng


def forward(cell, p):
    w = SimpleNamespace(W=p["W"])
    return unroll.forward(cell, p["X"] @ p["U"].T + p["b"], (p["h0"],), w), w


def backward(cell, p, dH):
    """All gradients by name, through `unroll.backward`."""
    tape, w = forward(cell, p)
    dA = np.full((*p["X"].shape[:2], len(p["b"])), np.nan, p["X"].dtype)
    (dh0,), dmatrices, dvectors = unroll.backward(cell, dH, tape, w, dA.__setitem__)
    dU = np.einsum("tbi,tbj->ij", dA, p["X"].conj())
    return {"X": dA @ p["U"].conj(), "U": dU, "b": dA.sum((0, 1)), "h0": dh0, **dmatrices, **dvectors}
