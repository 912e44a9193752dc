"""The largest singular value and the spectral radius, kept apart: values, gradients and where they differ."""

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.linalg import power_iteration, rayleigh_quotient
from minirnn.parametrizations import SpectralNorm, SpectralRadius

RNG = np.random.default_rng(3)
A = RNG.standard_normal((6, 6))


def sigma(M):
    return np.linalg.svd(M, compute_uv=False)[0]


def rho(M):
    return np.max(np.abs(np.linalg.eigvals(M)))


def central(f, M, G, h=1e-4):
    """∂/∂M of Σ G ⊙ f(M), entry by entry, to fourth order in h."""
    found = np.empty_like(M)
    for index in np.ndindex(*M.shape):
        E = np.zeros_like(M)
        E[index] = h
        found[index] = np.sum(G * (8 * (f(M + E) - f(M - E)) - (f(M + 2 * E) - f(M - 2 * E)))) / (12 * h)
    return found


def relative(a, b):
    return np.max(np.abs(a - b)) / np.max(np.abs(b))


@pytest.mark.parametrize("M", [A, A[:, :3], A[:2], A + 1j * A.T], ids=["square", "tall", "wide", "complex"])
def test_a_new_spectral_norm_is_exact(M):
    W, _ = SpectralNorm(M).matrix()
    np.testing.assert_allclose(W, M / sigma(M), rtol=1e-14)


def test_the_power_iteration_finds_the_norm_again_after_M_has_moved():
    p = SpectralNorm(A.copy(), steps=300)
    p.params["M"] += RNG.standard_normal((6, 6))
    assert abs(sigma(p.matrix()[0]) - 1) > 1e-2
    p.after_update()
    assert sigma(p.matrix()[0]) == pytest.approx(1, abs=1e-13)


def test_one_iteration_per_update_follows_a_slowly_moving_matrix():
    p = SpectralNorm(A.copy())
    for _ in range(200):
        p.params["M"] += 1e-3 * RNG.standard_normal((6, 6))
        p.after_update()
    assert sigma(p.matrix()[0]) == pytest.approx(1, abs=1e-4)


def test_the_estimate_is_second_order_in_the_error_of_the_vectors():
    _, v = power_iteration(A, np.linalg.svd(A)[2][0])
    d = RNG.standard_normal(6)
    d -= (d @ v) * v
    misses = []
    for eps in (1e-2, 1e-3):
        x = (v + eps * d) / np.linalg.norm(v + eps * d)
        u = A @ x / np.linalg.norm(A @ x)
        misses.append(sigma(A) - u @ A @ x)
    assert misses[0] / misses[1] == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("M", [A, A[:, :3], np.outer(A[0], A[1])], ids=["square", "tall", "rank one"])
def test_the_gradient_of_the_spectral_norm_is_that_of_the_true_one(M):
    p, G = SpectralNorm(M), RNG.standard_normal(M.shape)
    _, cache = p.matrix()
    assert relative(p.pullback(G, cache)["M"], central(lambda X: X / sigma(X), M, G)) < 1e-9


def test_a_gradient_along_W_vanishes():
    """W does not change when M is scaled, so Ḡ ⟂ M."""
    for p in (SpectralNorm(A), SpectralRadius(A)):
        _, cache = p.matrix()
        dM = p.pullback(RNG.standard_normal((6, 6)), cache)["M"]
        assert abs(np.sum(dM * A)) < 1e-12 * np.linalg.norm(dM) * np.linalg.norm(A)


def test_normalising_does_not_change_when_nothing_is_updated():
    p = SpectralNorm(A)
    assert np.array_equal(p.matrix()[0], p.matrix()[0])


RADII = {
    "normal, real eigenvalues": A + A.T,
    "normal, complex pairs": A - A.T,
    "complex pair": np.array([[0.5, -2, 0.3], [2, 0.5, 0.1], [0, 0.2, 0.7]]),
    "rank deficient": np.outer(A[0], A[1]) + np.outer(A[2], A[3]),
    "not normal": np.diag(np.arange(1.0, 5)) + np.triu(2 * A[:4, :4], 1),
}


@pytest.mark.parametrize("name", RADII)
def test_the_spectral_radius_is_one_and_its_gradient_right(name):
    M = RADII[name]
    p, G = SpectralRadius(M), RNG.standard_normal(M.shape)
    W, cache = p.matrix()
    assert W.dtype == M.dtype
    assert rho(W) == pytest.approx(1, abs=1e-13)
    assert relative(p.pullback(G, cache)["M"], central(lambda X: X / rho(X), M, G)) < 1e-9


def test_both_normalisations_agree_on_normal_matrices_alone():
    S = A + A.T
    np.testing.assert_allclose(SpectralNorm(S).matrix()[0], SpectralRadius(S).matrix()[0], rtol=1e-12)
    N = np.array([[0.95, 20], [0, 0.5]])
    assert sigma(SpectralRadius(N).matrix()[0]) > 20                # in the disk, and one step amplifies 21x
    assert rho(SpectralNorm(N).matrix()[0]) < 0.05


def test_the_rayleigh_quotient_reaches_the_radius_of_normal_matrices_and_overshoots_it_otherwise():
    S, N = A + A.T, np.array([[0.0, 2], [0, 0]])
    X = RNG.standard_normal((2000, 6))
    assert max(abs(rayleigh_quotient(S, x)) for x in X) <= rho(S) + 1e-12
    x = np.linalg.eigh(S)[1][:, -1]
    assert rayleigh_quotient(S, x) == pytest.approx(np.linalg.eigvalsh(S)[-1], rel=1e-13)
    assert rayleigh_quotient(N, np.array([1.0, 1])) == 1            # every eigenvalue of N is 0


def test_a_power_iteration_on_W_itself_misses_a_complex_pair():
    """Why the radius takes an eigendecomposition: on a rotation, xᵀWx is cos θ for every real x, and ρ = 1."""
    c, s = np.cos(1.2), np.sin(1.2)
    W, x = np.array([[c, -s], [s, c]]), RNG.standard_normal(2)
    for _ in range(100):
        x = W @ x / np.linalg.norm(W @ x)
    assert rayleigh_quotient(W, x) == pytest.approx(c)
    assert rho(W) == pytest.approx(1)


@pytest.mark.parametrize("p", [SpectralNorm(A.astype(np.float32)), SpectralRadius((A + A.T).astype(np.float32))])
def test_float32_stays_float32_and_the_device_computes_the_same(p):
    device, G = StrictDevice(), RNG.standard_normal((6, 6)).astype(np.float32)
    W, cache = p.matrix()
    dM = p.pullback(G, cache)["M"]
    assert W.dtype == dM.dtype == np.float32
    p.params = {k: backend.to(x, device) for k, x in p.params.items()}
    p.buffers = {k: backend.to(x, device) for k, x in p.buffers.items()}
    moved, there = device.transfers, backend.to(G, device)
    W_there, cache = p.matrix()
    dM_there = p.pullback(there, cache)["M"]
    p.after_update()
    assert device.transfers == moved + 1
    assert np.array_equal(W_there.get(), W)
    assert np.array_equal(dM_there.get(), dM)


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda: SpectralNorm(np.zeros((3, 3))), r"a matrix M that is not zero \(got shape \(3, 3\)\)"),
    (lambda: SpectralNorm(A, steps=0), r"steps must be at least 1 \(got 0\)"),
    (lambda: SpectralRadius(np.ones((2, 3))), r"a real square M \(got float64, shape \(2, 3\)\)"),
    (lambda: SpectralRadius(np.triu(A, 1)), "an eigenvalue other than 0"),
])
def test_what_does_not_fit_is_refused_in_one_sentence(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()
