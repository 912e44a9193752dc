"""σ_min(zI − W) on a grid: distances to the spectrum, closed forms, and the fast way against the plain one."""

import json

import numpy as np
import pytest
from blocks import Blocks

from minirnn.diagnostics import resolvent
from minirnn.diagnostics.pseudospectrum import Pseudospectrum, on_grid
from minirnn.errors import UsageError
from minirnn.initializers import orthogonal

RNG = np.random.default_rng(0)


def normal_matrix(n):
    Q = np.linalg.qr(RNG.standard_normal((n, n)) + 1j * RNG.standard_normal((n, n)))[0]
    values = RNG.standard_normal(n) + 1j * RNG.standard_normal(n)
    return (Q * values) @ Q.conj().T, values


def scattered(count, radius=1.4):
    return radius * (RNG.uniform(-1, 1, count) + 1j * RNG.uniform(-1, 1, count))


def cases(n):
    yield "gaussian", RNG.standard_normal((n, n)) / np.sqrt(n)
    yield "orthogonal", orthogonal((n, n), RNG)
    yield "nilpotent", np.diag(np.ones(n - 1), 1)
    yield "triangular", np.triu(RNG.standard_normal((n, n))) / np.sqrt(n)
    yield "clustered", np.eye(n) + 0.05 * RNG.standard_normal((n, n)) / np.sqrt(n)
    yield "zero", np.zeros((n, n))


@pytest.mark.parametrize("n", [5, resolvent.SMALL + 8])
def test_of_a_normal_matrix_it_is_the_distance_to_the_spectrum(n):
    W, values = normal_matrix(n)
    z = scattered(50)
    wanted = np.min(np.abs(z[:, None] - values), axis=1)
    assert resolvent.smallest_singular_values(resolvent.schur(W), z) == pytest.approx(wanted, rel=resolvent.TOLERANCE)


def test_of_a_two_by_two_triangle_it_is_the_closed_form():
    """σ² are the roots of σ⁴ − (2|z|² + b²) σ² + |z|⁴ for [[0, b], [0, 0]]."""
    b, z = 3.0, scattered(20)
    r = np.abs(z)
    wanted = (np.sqrt(b * b + 4 * r * r) - b) / 2
    assert resolvent.smallest_singular_values(resolvent.schur([[0, b], [0, 0]]), z) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("label", [label for label, _ in cases(2)])
def test_inverse_lanczos_agrees_with_the_decomposition(label):
    """To half the tolerance of an eigenvalue, and absolutely to rounding of σ² relative to ‖R‖²."""
    T, z = resolvent.schur(dict(cases(40))[label]), scattered(60)
    wanted = resolvent.by_decomposition(T, z)
    assert resolvent.by_inverse_lanczos(T, z) == pytest.approx(wanted, rel=resolvent.TOLERANCE / 2, abs=1e-12)


def test_points_that_do_not_converge_are_decomposed(monkeypatch):
    monkeypatch.setattr(resolvent, "STEPS", 2)
    T, z = resolvent.schur(np.diag(np.ones(39), 1) + 0.1 * np.eye(40)), scattered(30)
    assert resolvent.by_inverse_lanczos(T, z) == pytest.approx(resolvent.by_decomposition(T, z), rel=1e-4, abs=1e-12)


def test_an_eigenvalue_and_what_is_below_rounding_are_the_rounding_error():
    W = 0.9 * np.diag(np.ones(79), 1)
    T = resolvent.schur(W)
    found = resolvent.smallest_singular_values(T, [0, 1e-3, 0.02j])
    assert found.tolist() == [resolvent.rounding(T)] * 3
    assert resolvent.rounding(T) == pytest.approx(2.2e-16 * 0.9 * np.sqrt(79), rel=0.01)


def test_a_direct_sum_has_the_smaller_value_of_its_blocks():
    A, B = RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4)) / 3
    W = np.block([[A, np.zeros((4, 4))], [np.zeros((4, 4)), B]])
    found, whole = (Pseudospectrum(points=9).measure(Blocks(**blocks)) for blocks in ({"i": A, "f": B}, {"W": W}))
    assert found["x"] == pytest.approx(whole["x"], rel=1e-12)
    assert np.asarray(found["log10_smallest"]) == pytest.approx(np.asarray(whole["log10_smallest"]), abs=1e-9)


@pytest.mark.parametrize("points", [6, 7])
def test_a_real_matrix_is_computed_on_half_of_the_grid(points):
    W, axis, counts = RNG.standard_normal((5, 5)), np.linspace(-2, 2, points), []
    T = resolvent.schur(W)
    found = on_grid(T, axis, axis, True, lambda done, total: counts.append((done, total)))
    assert found == pytest.approx(on_grid(T, axis, axis), rel=1e-10)
    half = points * ((points + 1) // 2)
    assert counts[-1] == (half, half)


def test_a_grid_that_is_not_symmetric_is_computed_whole():
    W, x, y = RNG.standard_normal((5, 5)), np.linspace(-1, 1, 4), np.linspace(0, 2, 3)
    z = x + 1j * y[:, None]
    wanted = resolvent.by_decomposition(W, z.ravel()).reshape(3, 4)
    assert on_grid(resolvent.schur(W), x, y, True) == pytest.approx(wanted, rel=1e-10)


def test_rows_are_heights_and_the_grid_holds_the_disk_and_the_eigenvalues():
    W = np.diag([2.0, 0.5j])
    found = json.loads(json.dumps(Pseudospectrum(points=21).measure(Blocks(W=W))))
    x, y = np.asarray(found["x"]), np.asarray(found["y"])
    assert x[-1] == y[-1] == -x[0] == pytest.approx(2.5)
    z = x + 1j * y[:, None]
    wanted = np.minimum(np.abs(z - 2), np.abs(z - 0.5j))            # zero at the grid point 2 or not, by rounding
    assert 10 ** np.asarray(found["log10_smallest"]) == pytest.approx(wanted, abs=1e-12)
    assert sorted(found["eigenvalues"]) == [[0.0, 0.5], [2.0, 0.0]]


def test_a_grid_of_one_point_is_refused():
    with pytest.raises(UsageError, match="at least 2 points"):
        Pseudospectrum(points=1)
