"""The reset-after GRU is torch's: live where torch is installed, everywhere with numbers that torch computed once."""

import importlib.util

import numpy as np
import pytest
from make_torch_gru_fixture import FIXTURE, N, parity, weights

from minirnn.cells import GRU
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense

LIMIT = 1e-12                   # float64; what differs is the order of summation


def from_torch(rows):
    """Torch's blocks r, z, n to u, r, c: u = 1 − z = σ(−a_z), so the rows of z change their sign."""
    r, z, n = np.split(rows, 3)
    return np.concatenate([-z, r, n])


def ours(p):
    """Loss, states and gradients of the same network in minirnn, under torch's names and in torch's order."""
    ih, hh, b_ih, b_hh = (from_torch(p[name]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    b = b_ih + np.concatenate([b_hh[: 2 * N], np.zeros(N)])
    cell, matrices = GRU("after", b_hh[2 * N :]), {"W": Dense(hh[: 2 * N]), "W_h": Dense(hh[2 * N :])}
    layer = Recurrent(cell, Dense(ih), b, h0=(p["h0"],), **matrices)
    H, _, tape = layer.forward(p["x"])
    dX, grads = layer.backward(p["C"], tape)

    def to_torch(rows):
        u, r, c = np.split(rows, 3)
        return np.concatenate([r, -u, c])

    found = {
        "weight_ih": to_torch(grads["U"]),
        "weight_hh": to_torch(np.concatenate([grads["W"], grads["W_h"]])),
        "bias_ih": to_torch(grads["b"]),
        "bias_hh": to_torch(np.concatenate([grads["b"][: 2 * N], grads["b_hn"]])),
        "x": dX,
        "h0": grads["h0"],
    }
    return {"loss": np.sum(p["C"] * H), "H": H, **{f"grad/{name}": d for name, d in found.items()}}


def assert_parity(found, wanted):
    assert set(found) == set(wanted)
    for name, a in found.items():
        error = np.max(np.abs(a - wanted[name])) / np.max(np.abs(wanted[name]))
        assert error <= LIMIT, f"{name}: relative error {error:.1e}"


def test_reset_after_equals_the_numbers_recorded_from_torch():
    with np.load(FIXTURE, allow_pickle=False) as fixture:
        recorded = {name: fixture[name] for name in fixture.files}
    assert_parity(ours(recorded), {name: a for name, a in recorded.items() if name not in weights()})


def test_the_recorded_gru_weights_are_those_the_script_draws():
    with np.load(FIXTURE, allow_pickle=False) as fixture:
        for name, a in weights().items():
            np.testing.assert_array_equal(fixture[name], a)
    assert FIXTURE.stat().st_size < 50_000


@pytest.mark.oracle
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch: pip install 'minirnn[oracle]'")
@pytest.mark.parametrize("seed", range(1, 4))
def test_reset_after_equals_torchs(seed):
    arrays = weights(seed)
    assert_parity(ours(arrays), parity(arrays))
