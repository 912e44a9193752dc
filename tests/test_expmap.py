"""The exponential map: orthogonal, the matrix exponential, and its gradient exact, also at equal eigenvalues."""

from fractions import Fraction
from math import comb, factorial

import numpy as np
import oracles
import pytest

from minirnn.initializers import henaff
from minirnn.linalg import orthogonality_error, skew
from minirnn.parametrizations import ExpMap, ExpMapEigh, expmap


def of_norm(n, norm, dtype=np.float64, seed=0):
    """A random A whose B has spectral norm `norm`."""
    A = np.random.default_rng(seed).standard_normal((n, n))
    return (A * (norm / np.linalg.norm(skew(A), 2))).astype(dtype)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("norm", [1e-9, 0.1, 1.0, np.pi, 10.0])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_expmap_is_orthogonal(n, norm, dtype, limit):
    A = np.zeros((1, 1), dtype) if n == 1 else of_norm(n, norm, dtype)
    W, _ = ExpMap(A).matrix()
    assert W.dtype == dtype
    assert orthogonality_error(W) <= limit


@pytest.mark.parametrize("norm", [0.1, np.pi, 10.0])
@pytest.mark.parametrize("n", [2, 5, 8])
def test_expmap_is_a_rotation(n, norm):
    assert np.linalg.det(ExpMap(of_norm(n, norm)).matrix()[0]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("norm", [1e-9, 0.1, 1.0, np.pi, 10.0])
@pytest.mark.parametrize("n", [2, 5, 30])
def test_expmap_is_the_matrix_exponential(n, norm):
    A = of_norm(n, norm)
    np.testing.assert_allclose(ExpMap(A).matrix()[0], oracles.expm(A), rtol=0, atol=1e-12)


def test_expmap_of_zero_is_exactly_the_identity_up_to_rounding():
    np.testing.assert_allclose(ExpMap(np.zeros((6, 6))).matrix()[0], np.identity(6), rtol=0, atol=1e-15)


def test_expmap_reads_the_strict_upper_triangle_alone():
    A = of_norm(5, 2.0)
    np.testing.assert_array_equal(ExpMap(A).matrix()[0], ExpMap(np.triu(A, 1) + np.tril(np.ones((5, 5)))).matrix()[0])


def test_henaff_rotates_planes_by_its_angles():
    A = henaff(6, np.random.default_rng(0))
    W = ExpMap(A).matrix()[0]
    for j in (0, 2, 4):
        c, s = np.cos(A[j, j + 1]), np.sin(A[j, j + 1])
        np.testing.assert_allclose(W[j : j + 2, j : j + 2], [[c, s], [-s, c]], atol=1e-14)


def pulled(A, dW):
    p = ExpMap(A)
    return p.pullback(dW, p.matrix()[1])["A"]


def frechet(A, dW):
    """The gradient as SciPy's Fréchet derivative of expm gives it, one coordinate at a time."""
    from scipy.linalg import expm_frechet

    n, B = len(A), np.triu(A, 1) - np.triu(A, 1).T
    d = np.zeros_like(A)
    for i in range(n):
        for j in range(i + 1, n):
            E = np.zeros((n, n))
            E[i, j], E[j, i] = 1, -1
            d[i, j] = np.sum(dW * expm_frechet(B, E, compute_expm=False))
    return d


def near_degenerate(gap):
    """Planes that turn by nearly the same angle three times over: triple eigenvalues ±0.7i up to `gap`, rotated."""
    A = np.zeros((7, 7))
    A[0, 1], A[2, 3], A[4, 5] = 0.7, 0.7 + gap, 0.7 - gap
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((7, 7)))[0]
    return Q @ skew(A) @ Q.T


DEGENERATE = {
    "random": of_norm(7, 5.0),
    "zero": np.zeros((7, 7)),
    "1e-9": of_norm(7, 1e-9),
    "triple": near_degenerate(0.0),
    "triple, gap 1e-10": near_degenerate(1e-10),
    "triple, gap 1e-6": near_degenerate(1e-6),
    "angle pi": np.pi / 0.7 * near_degenerate(0.0),
}


@pytest.mark.parametrize("A", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_expmap_gradient_is_exact_also_at_equal_eigenvalues(A):
    dW = np.random.default_rng(1).standard_normal(A.shape)
    wanted = frechet(A, dW)
    assert np.max(np.abs(pulled(A, dW) - wanted)) <= 1e-12 * np.max(np.abs(wanted))


@pytest.mark.parametrize("A", DEGENERATE.values(), ids=DEGENERATE.keys())
def test_expmap_gradient_is_strictly_upper_triangular(A):
    assert not np.tril(pulled(A, np.random.default_rng(1).standard_normal(A.shape))).any()


@pytest.mark.parametrize("norm", [0.1, 1.0, 10.0])
def test_expmap_gradient_in_single_precision(norm):
    A, dW = of_norm(20, norm), np.random.default_rng(1).standard_normal((20, 20))
    double = pulled(A, dW)
    single = pulled(A.astype(np.float32), dW.astype(np.float32))
    assert single.dtype == np.float32
    assert np.max(np.abs(single - double)) <= 1e-5 * np.max(np.abs(double))


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 1e-13), (np.float32, 2e-5)])
@pytest.mark.parametrize("norm", [0.0, 1e-9, 0.1, 1.0, np.pi, 10.0, 100.0])
@pytest.mark.parametrize("n", [2, 7, 40])
def test_expmap_by_a_quotient_and_by_eigenvalues_agree(n, norm, dtype, limit):
    A, dW = of_norm(n, norm, dtype), np.random.default_rng(1).standard_normal((n, n)).astype(dtype)
    found, wanted = [], []
    for into, Map in ((found, ExpMap), (wanted, ExpMapEigh)):
        p = Map(A)
        W, cache = p.matrix()
        into += [W, p.pullback(dW, cache)["A"]]
    for x, y in zip(found, wanted, strict=True):
        assert x.dtype == y.dtype == dtype
        assert np.max(np.abs(x - y)) <= limit * max(1, norm / 10) * np.max(np.abs(y))


@pytest.mark.parametrize("norm", [1.0, np.pi, 8.0])
def test_the_quotient_is_orthogonal_and_its_gradient_exact_where_it_is_no_exponential(norm, monkeypatch):
    monkeypatch.setattr(expmap, "scaling", lambda B8: ([np.False_], np.float64(1)))    # as if θ were larger
    A, (dW, dA) = of_norm(8, norm), np.triu(np.random.default_rng(1).standard_normal((2, 8, 8)), 1)
    p, h = ExpMap(A), 1e-4
    W, cache = p.matrix()
    assert orthogonality_error(W) <= 1e-13
    ahead, behind = (np.sum(dW * ExpMap(A + x * dA).matrix()[0]) for x in (h, -h))
    found = np.sum(p.pullback(dW, cache)["A"] * dA)
    assert found == pytest.approx((ahead - behind) / (2 * h), rel=1e-7)    # h² and ε/h: a share of 1e-4 in B̄₈ is seen


def test_theta_is_where_the_angle_moves_by_one_rounding_more_than_it_should():
    def slope(t):
        """dφ/dt of the angle φ(t) = 2 arctan(U/V) that the quotient makes of t, in exact fractions."""
        b = [Fraction(comb(9, k) * factorial(18 - k), factorial(18)) for k in range(10)]
        V, U = ([(k, (-1) ** (k // 2) * b[k]) for k in range(odd, 10, 2)] for odd in (0, 1))
        v, u = (sum(c * t**k for k, c in p) for p in (V, U))
        dv, du = (sum(k * c * t ** (k - 1) for k, c in p if k) for p in (V, U))
        return 2 * (du * v - dv * u) / (v * v + u * u)

    for theta, eps in ((5.673606694494164, 2.0**-23), (1.8572332728450316, 2.0**-52)):
        assert eps / 4 < abs(slope(Fraction(theta)) - 1) <= eps


@pytest.mark.parametrize("norm", [30.0, 100.0, 1000.0])
def test_expmap_stays_orthogonal_however_often_it_squares(norm):
    W, (*_, roots) = ExpMap(of_norm(64, norm, np.float32)).matrix()
    assert len(roots) >= 3
    last = roots[-1][1]
    assert orthogonality_error(W) <= 5e-6
    assert orthogonality_error(last @ last) > 5e-6        # what the last step of `matrix` is there for


def test_expmap_of_what_is_not_finite_is_not_finite():
    with np.errstate(invalid="ignore"):
        assert np.isnan(ExpMap(np.full((3, 3), np.nan)).matrix()[0]).any()
        assert not np.isfinite(ExpMap(np.full((3, 3), np.inf)).matrix()[0]).all()
