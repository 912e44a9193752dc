"""What the theory promises, measured: norms of Jacobians, bounds on gradients."""

from types import SimpleNamespace

import numpy as np
import pytest

from minirnn import catalog, unroll
from minirnn.activations import Abs, Activation, Identity
from minirnn.cells import Elman
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations import ExpMap

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
        largest.append((found.max(), rounding))
    reached, rounding = max(largest)
    if gamma == np.inf:
        assert reached > 1e9                           # there is no bound to state
    else:
        assert reached == pytest.approx(gamma, rel=rounding, abs=0)            # and γ is reached


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
