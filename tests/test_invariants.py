"""What the theory promises, measured: norms of Jacobians, bounds on gradients, orthogonality of the exponential."""

from fractions import Fraction
from math import comb, factorial
from types import SimpleNamespace

import numpy as np
import oracles
import pytest

from minirnn import catalog, unroll
from minirnn.activations import Abs, Activation, Identity
from minirnn.cells import Elman
from minirnn.initializers import henaff
from minirnn.linalg import orthogonality_error, skew
from minirnn.parametrizations import ExpMap, ExpMapEigh, expmap

T, N = 60, 12


def orthogonal(n=N, seed=0):
    return ExpMap(np.random.default_rng(seed).standard_normal((n, n))).matrix()[0]


def jacobian(f, W, A, h):
    """∂h_T/∂h_1 (n, n) of one sample, row by row through the adjoint.  A (T - 1, n) inputs of steps 2 .. T, h = h_1."""
    n, w = len(W), SimpleNamespace(W=W)
    tape = unroll.forward(Elman(f), np.repeat(A[:, None], n, axis=1), (np.repeat(h[None], n, axis=0),), w)
    (J,), _, _ = unroll.backward(Elman(f), np.identity(n)[None], tape, w, lambda steps, dA: None)
    return J, tape


def inputs(seed=0, steps=T - 1, n=N):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((steps, n)), rng.standard_normal(n)


@pytest.mark.parametrize("f", [Abs(), Identity()], ids=["abs", "identity"])
@pytest.mark.parametrize("seed", range(3))
def test_orthogonal_W_keeps_the_frobenius_norm_of_the_jacobian_at_sqrt_n(f, seed):
    J, _ = jacobian(f, orthogonal(seed=seed), *inputs(seed))
    assert np.linalg.norm(J) == pytest.approx(np.sqrt(N), abs=1e-10), f"seed {seed}"


@pytest.mark.parametrize("f", [Abs(), Identity()], ids=["abs", "identity"])
def test_the_norm_is_kept_where_every_pre_activation_is_exactly_zero(f):
    J, tape = jacobian(f, orthogonal(), np.zeros((T - 1, N)), np.zeros(N))
    assert not tape.states[0].any()
    assert np.linalg.norm(J) == pytest.approx(np.sqrt(N), abs=1e-10)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_derivative_of_abs_at_zero_is_plus_one(zero):
    z = np.array([[zero]])
    assert Abs().backward(np.array([[3.0]]), z, np.abs(z)).tolist() == [[3.0]]


@pytest.mark.parametrize("f", [Abs(), Identity()], ids=["abs", "identity"])
def test_the_whole_jacobian_is_orthogonal(f):
    J, _ = jacobian(f, orthogonal(), *inputs())
    assert orthogonality_error(J) <= 1e-12


def test_the_jacobian_is_the_finite_difference_of_the_states():
    W, (A, h) = orthogonal(), inputs(steps=9)
    f = catalog.find("activations", "tanh")()
    J, _ = jacobian(f, W, A, h)

    def last(h):
        return unroll.forward(Elman(f), A[:, None].copy(), (h[None],), SimpleNamespace(W=W)).states[0][-1, 0]

    e = 1e-6 * np.identity(N)
    numeric = np.stack([(last(h + e[j]) - last(h - e[j])) / 2e-6 for j in range(N)], axis=1)
    np.testing.assert_allclose(J, numeric, atol=1e-8 * np.max(np.abs(J)) + 1e-9)


ACTIVATIONS = [(name, f) for name, f in catalog.examples("activations", N, np.random.default_rng(0))]


@pytest.mark.parametrize("f", [f for _, f in ACTIVATIONS], ids=[name for name, _ in ACTIVATIONS])
@pytest.mark.parametrize("W", ["orthogonal", "free"])
@pytest.mark.parametrize("seed", range(3))
def test_a_gradient_stays_within_powers_of_the_extreme_gains(f, W, seed):
    """(σ_min β)^k |g| <= |Jᵀ g| <= (σ_max γ)^k |g| for every W, with singular values (eigenvalues would not do)."""
    rng = np.random.default_rng(seed)
    W = orthogonal(seed=seed) if W == "orthogonal" else rng.standard_normal((N, N)) / np.sqrt(N)
    k = 10
    J, _ = jacobian(f, W, *inputs(seed, steps=k))
    sigma, (beta, gamma) = np.linalg.svd(W, compute_uv=False), f.bounds
    g = rng.standard_normal((20, N))
    gains = np.linalg.norm(g @ J, axis=1) / np.linalg.norm(g, axis=1)
    assert np.all(gains <= (sigma[0] * gamma) ** k * (1 + 1e-12)), f"seed {seed}"
    assert np.all(gains >= (sigma[-1] * beta) ** k * (1 - 1e-12)), f"seed {seed}"


def slopes(f, z):
    """The singular values of ∂h/∂z at each z (K, n), and their rounding error: the |f'|, exactly, where it is diagonal.

    A complex z counts as 2n real numbers.
    """
    h, n = f.forward(z), z.shape[-1]
    units = np.identity(n) if z.dtype.kind == "f" else np.concatenate([np.identity(n), 1j * np.identity(n)])
    J = np.stack([f.backward(np.broadcast_to(e, z.shape).astype(z.dtype), z, h) for e in units], axis=1)
    if z.dtype.kind == "c":
        J = np.concatenate([J.real, J.imag], axis=2)
    elif not J[:, ~np.identity(n, bool)].any():
        return np.abs(np.diagonal(J, axis1=1, axis2=2)), 0.0
    return np.linalg.svd(J, compute_uv=False), 1e-14


def points(kind, rng):
    """z (K, N): each unit meets every number of a grid, all units the same one first, then each another."""
    grid = np.concatenate([np.linspace(-20, 20, 4001), [0.0, 1e-300, -1e-300, 1e9, -1e9]])
    if kind == "c":
        grid = np.outer(np.concatenate([grid[::40], grid[-5:]]), np.exp(1j * np.arange(8))).ravel()
    same = np.repeat(grid[:, None], N, axis=1)
    return np.concatenate([same, rng.permuted(same, axis=0)])


@pytest.mark.parametrize("f", [f for _, f in ACTIVATIONS], ids=[name for name, _ in ACTIVATIONS])
def test_the_declared_bounds_hold_for_the_derivative(f):
    (beta, gamma), largest = f.bounds, []
    for kind in f.kinds:
        found, rounding = slopes(f, points(kind, np.random.default_rng(0)))
        assert beta - 1e-15 - rounding <= found.min()
        assert found.max() <= gamma * (1 + rounding)
        largest.append(found.max())
    if gamma == np.inf:
        assert max(largest) > 1e9                      # there is no bound to state
    else:
        assert max(largest) == pytest.approx(gamma, rel=rounding, abs=0)       # and γ is reached


def test_an_activation_that_states_no_bounds_promises_nothing():
    class Cubic(Activation):
        def forward(self, z, out=None):
            return z**3

        def backward(self, dh, z, h, out=None):
            return 3 * z * z * dh

    assert Cubic().bounds == (0, np.inf)


def test_relu_lets_the_jacobian_of_an_orthogonal_network_shrink():
    J, _ = jacobian(catalog.find("activations", "relu")(), orthogonal(), *inputs())
    assert np.linalg.norm(J) < np.sqrt(N) / 2


# ---- the exponential map


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
