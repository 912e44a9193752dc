"""A gradient that has vanished becomes exact zeros on its way back in time, and nothing else changes."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_loops import LENGTHS, backward, elman_problem

from minirnn import unroll
from minirnn.activations import Identity
from minirnn.cells import Elman


def contraction(scale, T=64, dtype=np.float64):
    """∂L/∂h_t = scale^{T-t} exactly: a linear network with W = scale · I."""
    cell, n = Elman(Identity()), 2
    w = SimpleNamespace(W=(scale * np.identity(n)).astype(dtype))
    return cell, unroll.forward(cell, np.zeros((T, 1, n), dtype), (np.zeros((1, n), dtype),), w), w


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_vanished_gradient_becomes_exact_zeros(dtype):
    cell, tape, w = contraction(1e-8, dtype=dtype)
    dA = np.full((64, 1, 2), np.nan, dtype)
    (dh0,), _, _ = unroll.backward(cell, np.ones((1, 1, 2), dtype), tape, w, dA.__setitem__)
    assert not dh0.any()
    assert not dA[:-48].any()              # 1e-8 sixteen times over is below every dtype's range after three segments


def test_a_nan_stays_a_nan():
    cell, tape, w = contraction(1e-30)
    dH = np.array([[[np.nan, 1.0]]])
    (dh0,), _, _ = unroll.backward(cell, dH, tape, w, lambda steps, dA: None)
    assert np.isnan(dh0).any()


def test_a_nan_stays_a_nan_next_to_vanished_entries():
    d = np.array([np.nan, 1e-320])
    assert np.isnan(unroll._flush(d)[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_a_gradient_that_has_not_vanished_is_unchanged_bit_for_bit(dtype):
    tiny = np.finfo(dtype).tiny
    d = np.array([1e9 * tiny, -0.0, tiny / 4, -3.5 * tiny, 0.0, -1e-3], dtype)
    for part in (d, d[:-1], d[2:]):                                 # the last begins with one that has vanished
        assert unroll._flush(part).dtype == dtype
        assert unroll._flush(part).tobytes() == part.tobytes()


@pytest.mark.parametrize("T", LENGTHS)
def test_flushing_changes_no_bit_where_nothing_vanishes(T, monkeypatch):
    cell, p, rng = elman_problem(T)
    dH = rng.standard_normal((T, 3, 4))
    flushed = backward(cell, p, dH)
    monkeypatch.setattr(unroll, "_flush", lambda d: d)
    for name, d in backward(cell, p, dH).items():
        assert d.tobytes() == flushed[name].tobytes(), name
