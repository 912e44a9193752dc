"""Where the host branches on a number, a device computes both branches: the same bits, and nothing comes back."""

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend
from minirnn.linalg import newton_schulz, orthogonality_error, polar, reorthogonalised
from minirnn.optimizers import PlumbleyMultiplicative
from minirnn.parametrizations import ExpMap, ExpMapEigh
from minirnn.parametrizations.expmap import scaling

NORMS = [0.0, 1e-9, 0.1, 0.3, 1.0, np.pi, 10.0, 100.0, 1000.0]
TYPES = {np.float32: 11, np.float64: 26}                            # the most squarings of each type


def of_norm(n, norm, dtype):
    A = np.triu(np.random.default_rng(n).standard_normal((n, n)), 1)
    return (A * norm / np.linalg.norm(A - A.T, 2)).astype(dtype)


def made(Map, A, dW):
    """W and ∂L/∂A, and how many roots were kept."""
    p = Map(A)
    W, cache = p.matrix()
    return W, p.pullback(dW, cache)["A"], cache


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [2, 7])
def test_a_device_squares_as_often_as_is_needed_without_being_asked(n, norm, dtype):
    A, device = of_norm(n, norm, dtype), StrictDevice()
    dW = np.random.default_rng(1).standard_normal((n, n)).astype(dtype)
    wanted, found = made(ExpMap, A, dW), made(ExpMap, *map(device.asarray, (A, dW)))
    assert (device.to_device, device.to_host, device.return_codes) == (2, 0, 0)
    for here, there in zip(wanted[:2], found[:2], strict=True):
        assert there.dtype == here.dtype == dtype
        assert backend.to_host(there).tobytes() == here.tobytes()
    assert len(found[2][-1]) == TYPES[dtype] >= len(wanted[2][-1])
    limit = {np.float32: 2e-5, np.float64: 1e-13}[dtype] * max(1, norm / 10)
    for here, reference in zip(wanted[:2], made(ExpMapEigh, A, dW)[:2], strict=True):
        assert np.max(np.abs(here - reference)) <= limit * np.max(np.abs(reference))


@pytest.mark.parametrize("dtype", TYPES)
def test_the_number_of_squarings_is_the_least_that_makes_the_matrix_small_enough(dtype):
    for exponent in range(-40, 8 * TYPES[dtype] - 9):
        again, h = scaling(np.full((1, 1), 2.0**exponent, dtype))   # ‖B⁸‖₁ for a B of norm 2^(exponent / 8)
        s, theta = np.sum(again), {np.float32: 5.673606694494164, np.float64: 1.8572332728450316}[dtype]
        assert h == 0.5**s
        assert 2.0 ** (exponent / 8 - s) <= theta * (1 + 1e-6)
        assert s == 0 or 2.0 ** (exponent / 8 - s + 1) > theta * (1 - 1e-6)


@pytest.mark.parametrize("dtype", TYPES)
def test_beyond_the_most_squarings_nothing_is_made_up(dtype):
    A = of_norm(4, 2.0 ** (TYPES[dtype] + 3), dtype)
    device = StrictDevice()
    here, there = ExpMap(A).matrix()[0], ExpMap(device.asarray(A)).matrix()[0]
    assert np.isnan(here).all()
    assert np.isnan(backend.to_host(there)).all()


def stiefel(shape, noise):
    rng = np.random.default_rng(3)
    return polar(rng.standard_normal(shape)) + noise * rng.standard_normal(shape)


@pytest.mark.parametrize("noise", [1e-6, 0.5])
@pytest.mark.parametrize("shape", [(6, 6), (6, 4), (4, 6)])
def test_a_matrix_is_brought_back_to_its_manifold_without_a_question(shape, noise):
    M, device = stiefel(shape, noise), StrictDevice()
    here, there = reorthogonalised(M), reorthogonalised(device.asarray(M))
    assert device.transfers == 1
    assert backend.to_host(there).tobytes() == here.tobytes()
    assert orthogonality_error(here) < 1e-10                        # the square of what 1e-6 of noise makes
    if noise > 0.1:
        np.testing.assert_allclose(here, polar(M), atol=1e-12)      # the nearest matrix, by another way
    else:
        np.testing.assert_array_equal(here, newton_schulz(M))


@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_steps_of_newton_and_schulz_reach_the_polar_factor_of_an_ill_conditioned_matrix(condition):
    rng = np.random.default_rng(0)
    U, V = (polar(rng.standard_normal((5, 5))) for _ in range(2))
    M = 7 * (U * np.geomspace(1, 1 / condition, 5)) @ V
    np.testing.assert_allclose(reorthogonalised(M), U @ V, atol=1e-9 * condition)


def test_a_rule_of_exponentials_asks_nothing():
    rng, device = np.random.default_rng(0), StrictDevice()
    x, G = polar(rng.standard_normal((5, 5))).astype(np.float32), rng.standard_normal((3, 5, 5)).astype(np.float32)
    there, rules = device.asarray(x), [PlumbleyMultiplicative(0.1, correct_every=2) for _ in range(2)]
    for g in G:
        rules[0].step("x", x, g)
        rules[1].step("x", there, device.asarray(g))
    assert (device.to_device, device.to_host, device.return_codes) == (4, 0, 0)
    assert backend.to_host(there).tobytes() == x.tobytes()


def test_a_flag_is_known_on_the_host_and_not_asked_for_on_a_device():
    device = StrictDevice()
    assert [backend.may(np.array(flag)) for flag in (True, False)] == [True, False]
    assert [backend.may(device.asarray(np.array(flag))) for flag in (True, False)] == [True, True]
    a, b = np.ones(2), np.zeros(2)
    assert backend.choose(np.array(True), a, b) is a
    assert backend.choose(np.array(False), a, b) is b
    chosen = backend.choose(device.asarray(np.array(False)), *map(device.asarray, (a, b)))
    assert backend.to_host(chosen).tolist() == [0.0, 0.0]
    assert device.to_host == 1
