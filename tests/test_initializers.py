"""Initial distributions: exact properties, and statistics with the bound of four standard deviations."""

import numpy as np
import pytest

from minirnn import initializers
from minirnn.errors import UsageError
from minirnn.linalg import skew


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (1, 4), (1, 1)])
def test_orthogonal_has_orthonormal_columns_or_rows(shape):
    Q = initializers.orthogonal(shape, np.random.default_rng(0))
    assert Q.shape == shape
    gram = Q.T @ Q if shape[0] >= shape[1] else Q @ Q.T
    np.testing.assert_allclose(gram, np.identity(min(shape)), atol=1e-14)


def test_orthogonal_is_haar_distributed():
    """Under Haar measure E tr Q = 0, E (tr Q)² = 1, both determinants are equally likely, and E q_ij² = 1/n.

    QR without the sign correction has E tr Q far below zero.
    """
    rng, N, n = np.random.default_rng(0), 2000, 4
    Q = np.stack([initializers.orthogonal((n, n), rng) for _ in range(N)])
    trace = np.trace(Q, axis1=1, axis2=2)
    assert abs(trace.mean()) <= 4 / np.sqrt(N)
    assert abs((trace**2).mean() - 1) <= 4 * np.sqrt(2 / N)
    assert abs(np.mean(np.linalg.det(Q) > 0) - 0.5) <= 4 * 0.5 / np.sqrt(N)
    assert np.max(np.abs((Q**2).mean(0) - 1 / n)) <= 4 * np.sqrt(1 / 16 / N)
    assert np.max(np.abs(Q.mean(0))) <= 4 * np.sqrt(1 / n / N)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (10, 10)])
def test_glorot_fills_its_bounds_and_no_more(shape):
    W, bound = initializers.glorot(shape, np.random.default_rng(0)), np.sqrt(6 / sum(shape))
    assert W.shape == shape
    assert np.max(np.abs(W)) <= bound
    assert np.max(np.abs(W)) > 0.9 * bound
    assert W.var() == pytest.approx(2 / sum(shape), rel=4 * np.sqrt(0.8 / W.size))


def test_uniform_fills_its_bounds_and_no_more():
    x = initializers.uniform((1000,), 0.3, np.random.default_rng(0))
    assert -0.3 <= x.min() < -0.29
    assert 0.29 < x.max() <= 0.3


def test_identity_is_the_identity():
    np.testing.assert_array_equal(initializers.identity(3), [[1, 0, 0], [0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize("n", [2, 3, 8, 9])
def test_henaff_has_the_drawn_angles_as_eigenvalues(n):
    A = initializers.henaff(n, np.random.default_rng(0))
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, n // 2)
    wanted = np.sort(np.concatenate([angles, -angles, np.zeros(n % 2)]))
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(skew(A)).imag), wanted, atol=1e-14)


def test_henaff_angles_are_spread_over_the_circle():
    A = initializers.henaff(2000, np.random.default_rng(0))
    angles = A[np.arange(0, 2000, 2), np.arange(1, 2000, 2)]
    assert np.max(np.abs(angles)) <= np.pi
    assert np.mean(np.abs(angles)) == pytest.approx(np.pi / 2, abs=4 * np.pi / np.sqrt(12 * 1000))


def test_henaff_needs_a_plane():
    with pytest.raises(UsageError, match="n >= 2"):
        initializers.henaff(1, np.random.default_rng(0))


DRAWS = {
    "uniform": lambda rng: initializers.uniform((3, 4), 1.0, rng),
    "glorot": lambda rng: initializers.glorot((3, 4), rng),
    "orthogonal": lambda rng: initializers.orthogonal((4, 4), rng),
    "henaff": lambda rng: initializers.henaff(4, rng),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_the_generator_alone_decides_the_draw(draw):
    a, b, c = (draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    assert a.dtype == np.float64
