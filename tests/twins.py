"""One training, twice: on the host, and with `--backend cupy` on the fake device."""

import numpy as np

from minirnn import backend, catalog, config
from minirnn.trainer import build


def tables(model="rnn", task=None, run=None, optimizer=None, train=None, **options):
    """A small configuration: recall by default, 2 layers where the model allows, dropout, clipping by norm."""
    return {
        "task": task or {"name": "recall", "length": 9, "values": 4},
        "model": {"name": model, "hidden_size": 5, **options},
        "optimizer": {"clip_norm": 0.5, **(optimizer or {})},
        "train": {"batch_size": 4, "steps": 4, "log_every": 2, "evaluate_every": 4, **(train or {})},
        "run": {"seed": 3, **(run or {})},
    }


def twins(given):
    """(trainer on the host, trainer on the device) of the same configuration."""
    return tuple(build(*config.resolve(given, {"run": {"backend": place}})) for place in ("numpy", "cupy"))


def same_bits(host, there):
    """Whether all that the next step depends on has the same bits in both."""
    one, other = host.arrays(), there.arrays()
    assert one.keys() == other.keys()
    assert all(backend.is_device(x) for name, x in other.items() if not name.endswith("/t"))
    for name, x in one.items():
        y = backend.to_host(other[name])
        assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()), name
    return True


def suited(kind, name):
    """Options of the free composition with that component: an even width for pairs, modrelu for complex matrices."""
    if kind == "parametrizations":
        p = catalog.find(kind, name).sized(4, np.random.default_rng(0))
        return {"parametrization": name} | ({"activation": "modrelu"} if p.matrix()[0].dtype.kind == "c" else {})
    return {"hidden_size": 6, kind[:-1]: name}
