"""Henrici's number, the numerical range, powers and the Kreiss bound against closed forms."""

import numpy as np
import pytest
from blocks import Blocks

from minirnn.diagnostics import resolvent
from minirnn.diagnostics.non_normality import (
    NonNormality,
    departure,
    kreiss_lower_bound,
    non_normality,
    numerical_range,
    power_norms,
)
from minirnn.errors import UsageError
from minirnn.initializers import orthogonal

RNG = np.random.default_rng(0)


def jordan(n, value=0.0):
    return np.diag(np.full(n, value)) + np.diag(np.ones(n - 1), 1)


def unitary(n):
    return np.linalg.qr(RNG.standard_normal((n, n)) + 1j * RNG.standard_normal((n, n)))[0]


@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 5.0, 1.01), (0.3, -2.0, 0.3), (1.0, 0.0, -1.0)])
def test_the_departure_of_a_two_by_two_triangle_is_its_corner(a, b, c):
    W = np.array([[a, b], [0, c]])
    assert departure(resolvent.schur(W)) == pytest.approx(abs(b), abs=1e-14)


def test_the_departure_is_henricis_difference():
    W = RNG.standard_normal((7, 7))
    difference = np.linalg.norm(W) ** 2 - np.sum(np.abs(np.linalg.eigvals(W)) ** 2)
    assert departure(resolvent.schur(W)) == pytest.approx(np.sqrt(difference), rel=1e-10)


@pytest.mark.parametrize("W", [orthogonal((9, 9), RNG), unitary(6), np.eye(4)[[1, 2, 3, 0]]])
def test_an_orthogonal_or_unitary_matrix_has_departure_zero_and_ones_elsewhere(W):
    found = non_normality(W)
    assert found["henrici"] < 1e-13
    # The supremum is approached along the rays through eigenvalues, which the mesh need not hit: from below.
    ones = found["spectral_radius"], found["kreiss_lower"], found["max_power_norm"]
    assert ones == pytest.approx((1, 1, 1), abs=1e-10)
    assert 1 - 1.3e-3 < found["numerical_radius"] < 1 + 1e-12


def test_the_numerical_range_of_a_two_by_two_nilpotent_is_a_disk():
    edge = numerical_range(np.array([[0, 2.0], [0, 0]]))
    assert np.abs(edge) == pytest.approx(np.ones(64), abs=1e-12)
    assert np.angle(edge[16]) == pytest.approx(np.pi / 2, abs=1e-12)


def test_the_numerical_radius_of_a_jordan_block_is_a_cosine():
    for n in (3, 8):
        assert non_normality(jordan(n))["numerical_radius"] == pytest.approx(np.cos(np.pi / (n + 1)), abs=1e-12)


@pytest.mark.parametrize("turn", [1.0, np.exp(0.7j)])
def test_the_numerical_range_of_a_two_by_two_matrix_is_an_ellipse(turn):
    """Foci at the eigenvalues a and c, minor axis |b|: |z − a| + |z − c| = √(|a − c|² + |b|²)."""
    a, b, c = 0.9 * turn, 1.7, -0.4 * turn
    edge = numerical_range(np.array([[a, b], [0, c]]), angles=37)
    assert len(edge) == 37
    assert np.abs(edge - a) + np.abs(edge - c) == pytest.approx(np.full(37, np.hypot(abs(a - c), b)), rel=1e-12)


def test_a_real_matrix_has_the_range_that_it_has_as_a_complex_one():
    for angles in (8, 9):
        W = RNG.standard_normal((5, 5))
        assert numerical_range(W, angles) == pytest.approx(numerical_range(W.astype(complex), angles), abs=1e-12)


def test_the_first_direction_is_the_numerical_abscissa():
    W = RNG.standard_normal((6, 6))
    assert non_normality(W)["numerical_abscissa"] == pytest.approx(np.linalg.eigvalsh((W + W.T) / 2)[-1], rel=1e-12)


def test_powers_are_those_of_the_matrix_and_end_before_they_overflow():
    W = RNG.standard_normal((4, 4))
    wanted = [np.linalg.norm(np.linalg.matrix_power(W, k), 2) for k in range(6)]
    assert power_norms(W, 5) == pytest.approx(wanted, rel=1e-12)
    assert len(power_norms(np.diag([1e60, 1.0]), 100)) == 4
    assert non_normality(jordan(3, 0.5))["max_power_step"] == int(np.argmax(power_norms(jordan(3, 0.5))))


@pytest.mark.parametrize("b", [1.5, 4.0, 30.0])
def test_the_kreiss_bound_of_a_nilpotent_is_the_closed_supremum(b):
    """W = [[0, b], [0, 0]] has σ_min(zI − W) = (√(b² + 4r²) − b)/2 at |z| = r, so K is a maximum in one variable."""
    r = 1 + np.logspace(-3, 1, 200_001)
    wanted = np.max((r - 1) * 2 / (np.sqrt(b * b + 4 * r * r) - b))
    found = kreiss_lower_bound(resolvent.schur(np.array([[0, b], [0, 0]])))
    assert found == pytest.approx(max(wanted, 1), rel=1e-4)
    assert found <= max(wanted, 1) * (1 + 1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_powers_lie_between_the_kreiss_bound_and_its_multiple(seed):
    rng = np.random.default_rng(seed)
    n = 6
    W = np.triu(3 * rng.standard_normal((n, n)), 1) + np.diag(rng.uniform(-0.9, 0.9, n))
    K, most = kreiss_lower_bound(resolvent.schur(W)), max(power_norms(W, 400))
    assert K > 2
    assert K * (1 - 1e-10) <= most <= np.e * n * K


def test_an_orthogonal_matrix_in_single_precision_has_a_kreiss_bound_of_one():
    W = orthogonal((40, 40), RNG).astype(np.float32)
    assert non_normality(W * np.float32(1 + 1e-6))["kreiss_lower"] == pytest.approx(1, abs=5e-3)


def test_no_kreiss_constant_where_powers_grow_without_end():
    assert non_normality(np.diag([1.5, 0.1]))["kreiss_lower"] is None


def test_several_blocks_count_as_their_direct_sum():
    blocks = {"i": 0.3 * RNG.standard_normal((4, 4)), "f": orthogonal((4, 4), RNG), "g": 0.9 * jordan(4)}
    W = np.zeros((12, 12))
    for k, block in enumerate(blocks.values()):
        W[4 * k : 4 * k + 4, 4 * k : 4 * k + 4] = block
    found, whole = NonNormality(angles=16, powers=9).measure(Blocks(**blocks)), non_normality(W, 16, 9)
    assert found.pop("matrices").keys() == blocks.keys()
    assert found.keys() == whole.keys()
    for key, value in whole.items():
        # The two searches for the supremum visit other points; a corner of the range may be either of two points.
        wanted = pytest.approx(np.asarray(value), rel=1e-3 if key == "kreiss_lower" else 1e-9, abs=1e-9)
        assert np.asarray(found[key]) == wanted, key


def test_one_block_stands_for_itself():
    W = RNG.standard_normal((3, 3))
    assert NonNormality().measure(Blocks(W=W)) == non_normality(W)


def test_entries_that_are_not_finite_are_a_usage_error():
    with pytest.raises(UsageError, match="not finite"):
        non_normality(np.array([[1, np.nan], [0, 1]]))
