"""Cayley, SVD with a margin, Plumbley's direction: what holds of them besides the gradient check."""

import numpy as np
import pytest

from minirnn import initializers, perturb
from minirnn.errors import UsageError
from minirnn.gradcheck import check
from minirnn.linalg import generator, orthogonality_error, polar, skew, skew_coordinates
from minirnn.optimizers import SGD, Geodesic, Optimizer
from minirnn.parametrizations import BasedExpMap, Cayley, ExpMap, Orthogonal, Plumbley, SVDMargin
from minirnn.problems import of

SEED = 21


def orthogonal(n, rng):
    return initializers.orthogonal((n, n), rng)


def cosine(a, b):
    return np.sum(a * b) / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize("component", [BasedExpMap, Cayley, Orthogonal, Plumbley, SVDMargin])
def test_every_tagged_backward_line_is_guarded(component):
    for tag in perturb.backward_tags(component):
        wrong = perturb.perturbed(component, tag, 1.001)
        rng = np.random.default_rng(0)
        rows = [row for _, problem in of("parametrizations", wrong, 5, rng) for row in check(problem, rng=rng)]
        assert any(not row.passed for row in rows), tag


# -- scaled Cayley ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("negative", range(6))
def test_determinant_of_a_scaled_cayley_transform_counts_the_signs(negative):
    rng = np.random.default_rng(SEED)
    W, _ = Cayley(rng.standard_normal((5, 5)), initializers.signs(5, negative)).matrix()
    assert orthogonality_error(W) < 1e-13
    assert np.linalg.det(W) == pytest.approx((-1) ** negative)


@pytest.mark.parametrize("size", [0.1, 10, 1e4])
@pytest.mark.parametrize("n", [31, 32])
def test_error_of_a_cayley_transform_is_rounding_times_the_condition_number(n, size):
    A = size * np.random.default_rng(SEED).standard_normal((n, n)).astype("float32")
    W, _ = Cayley(A, np.ones(n, "float32")).matrix()
    assert W.dtype == "float32"
    condition = np.linalg.cond(np.identity(n) + skew(A))
    assert (condition > 1e4) == (n % 2 == 1 and size > 10)          # S of odd size has an eigenvalue 0
    rounding = orthogonality_error(W) / (np.finfo("float32").eps * condition)
    assert 0.1 < rounding < 2 * np.sqrt(n)                          # between one entry's rounding and every row's


@pytest.mark.parametrize("size", [0.1, 1, 10])
@pytest.mark.parametrize("n", [31, 32])
def test_gradient_of_a_cayley_transform_is_that_of_a_second_solve(n, size):
    A, G = np.random.default_rng(SEED).standard_normal((2, n, n)) * np.array([size, 1])[:, None, None]
    p = Cayley(A)
    W, cache = p.matrix()
    Z = np.linalg.solve(np.identity(n) - skew(A), G)
    dS = -Z @ (np.identity(n) + W).T
    wanted = skew_coordinates(dS)
    np.testing.assert_allclose(p.pullback(G, cache)["A"], wanted, atol=1e-12 * np.abs(wanted).max())


def test_helfrich_start_rotates_planes_by_angles_below_a_right_angle():
    W, _ = Cayley(initializers.helfrich(7, np.random.default_rng(SEED))).matrix()
    angles = np.sort(np.abs(np.angle(np.linalg.eigvals(W))))
    assert angles[0] == 0
    np.testing.assert_allclose(angles[1::2], angles[2::2], atol=1e-12)
    assert np.all((angles[1:] > 0) & (angles[1:] < np.pi / 2))
    assert W[0, 1] > 0


def test_signs_other_than_one_are_refused():
    with pytest.raises(UsageError, match=r"D must be ±1 \(got 0\.5 at 3\); use initializers\.signs"):
        Cayley(np.zeros((4, 4)), np.array([1, -1, 1, 0.5]))
    with pytest.raises(UsageError, match=r"negative signs must lie in 0\.\.4 \(got 5\)"):
        initializers.signs(4, 5)


# -- the margin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", [0, 0.001, 0.1, 1])
def test_singular_values_stay_inside_the_margin(margin):
    rng = np.random.default_rng(SEED)
    W, _ = SVDMargin(orthogonal(6, rng), orthogonal(6, rng), margin, 5 * rng.standard_normal(6)).matrix()
    s = np.linalg.svd(W, compute_uv=False)
    assert np.all(np.abs(s - 1) <= margin + 1e-12)


def test_margin_zero_has_no_spectrum_to_train_and_none_has_a_free_one():
    rng = np.random.default_rng(SEED)
    U, V = orthogonal(4, rng), orthogonal(4, rng)
    assert set(SVDMargin(U, V, 0).params) == {"U", "V"}
    assert set(SVDMargin(U, V, None).params) == {"U", "V", "s"}
    assert SVDMargin(U, V, 0.1).manifold == {"U": "stiefel", "V": "stiefel"}


@pytest.mark.parametrize("margin", [-0.1, 1.5, 10])
def test_margin_outside_the_unit_interval_is_refused(margin):
    with pytest.raises(UsageError, match="margin"):
        SVDMargin(np.eye(3), np.eye(3), margin)


def test_margin_above_one_on_demand_crosses_zero():
    p = SVDMargin(np.eye(3), np.eye(3), 10, np.array([-1.0, 0, 1]), allow_negative=True)
    np.testing.assert_allclose(p.spectrum()[0], 1 + 20 * (1 / (1 + np.e) - 0.5))
    assert p.spectrum()[0] < -3


def test_weight_decay_on_the_composite_matrix_gives_the_bases_no_step():
    rng = np.random.default_rng(SEED)
    p = SVDMargin(orthogonal(6, rng), orthogonal(6, rng), 0.5, rng.standard_normal(6))
    W, cache = p.matrix()
    grads = p.pullback(2 * W, cache)
    for name in ("U", "V"):
        assert np.linalg.norm(generator(grads[name], p.params[name])) < 1e-13
    assert np.all(grads["p"] > 0)                                   # towards smaller singular values, all of them


@pytest.mark.parametrize(("power", "law"), [(0, 2), (1, 1), (2, 0)])
def test_step_of_the_spectrum_under_gradient_descent_scales_with_the_margin(power, law):
    """With rate η/(2m)^k the step in s is proportional to m^(2 − k): only k = 2 removes the margin."""
    rng = np.random.default_rng(SEED)
    U, V, G, start = orthogonal(5, rng), orthogonal(5, rng), rng.standard_normal((5, 5)), rng.standard_normal(5)
    moves = []
    for margin in (0.01, 0.1):
        p = SVDMargin(U, V, margin, start.copy())
        before = p.spectrum()
        SGD(1e-6 / (2 * margin) ** power).step("p", p.params["p"], p.pullback(G, p.matrix()[1])["p"])
        moves.append(np.linalg.norm(p.spectrum() - before))
    assert np.log10(moves[1] / moves[0]) == pytest.approx(law, abs=1e-3)


def test_factors_that_are_not_orthogonal_are_refused():
    with pytest.raises(UsageError, match="orthogonal"):
        SVDMargin(2 * np.eye(3), np.eye(3))
    with pytest.raises(UsageError, match="orthonormal"):
        Orthogonal(np.ones((3, 3)))
    with pytest.raises(UsageError, match="orthonormal"):
        Orthogonal(np.eye(2, 3))
    with pytest.raises(UsageError, match="orthogonal"):
        BasedExpMap(np.zeros((3, 3)), 2 * np.eye(3))


def test_trained_bases_stay_orthogonal_and_singular_values_inside_the_margin():
    rng = np.random.default_rng(SEED)
    p = SVDMargin(*(orthogonal(6, rng).astype("float32") for _ in range(2)), 0.3, np.zeros(6, "float32"))
    target = 2 * orthogonal(6, rng).astype("float32")
    optimizer = Optimizer(p.params, [("p", SGD(0.1)), ("*", Geodesic(0.02))], p.manifold)
    first = np.linalg.norm(p.matrix()[0] - target)
    for _ in range(300):
        W, cache = p.matrix()
        optimizer.step(p.params, p.pullback(W - target, cache))
    W = p.matrix()[0]
    s = np.linalg.svd(W, compute_uv=False)
    assert W.dtype == "float32"
    assert np.linalg.norm(W - target) < 0.9 * first
    assert np.all((s > 0.7 - 1e-5) & (s < 1.3 + 1e-5))
    assert np.max(s) > 1.1
    assert max(orthogonality_error(p.params[k]) for k in "UV") < 1e-5


# -- Plumbley's direction ---------------------------------------------------------------------------------------------


def drawn(n, norm, rng):
    """(A, W̄, exact gradient, Plumbley's direction) with ‖B‖₂ = norm, and the loss ½‖tanh(W X) − Y‖²."""
    A = np.triu(rng.standard_normal((n, n)), 1)
    A *= norm / np.linalg.norm(skew(A), 2)
    X, Y = rng.standard_normal((2, n, 3 * n))
    W, cache = ExpMap(A).matrix()
    h = np.tanh(W @ X)
    G = ((h - Y) * (1 - h * h)) @ X.T
    return A, G, ExpMap(A).pullback(G, cache)["A"], Plumbley(A).pullback(G, W)["A"]


@pytest.mark.parametrize(
    ("norm", "least", "most"), [(0.01, 0.002, 0.006), (0.1, 0.02, 0.06), (1, 0.2, 0.55), (3, 0.7, 1.5)]
)
def test_plumbleys_direction_leaves_the_gradient_as_B_grows(norm, least, most):
    """The table of docs/derivations/plumbley.md: relative error about 0.4‖B‖₂ up to 1, and 100 percent at 3."""
    rng = np.random.default_rng(SEED)
    errors = []
    for _ in range(5):
        _, _, exact, pseudo = drawn(8, norm, rng)
        errors.append(np.linalg.norm(pseudo - exact) / np.linalg.norm(exact))
    assert least < np.mean(errors) < most


def test_plumbleys_direction_is_the_gradient_where_B_vanishes_or_commutes():
    rng = np.random.default_rng(SEED)
    _, _, exact, pseudo = drawn(6, 1e-12, rng)
    np.testing.assert_allclose(pseudo, exact, atol=1e-10)
    _, _, exact, pseudo = drawn(2, 2.5, rng)
    np.testing.assert_allclose(pseudo, exact, atol=1e-12)           # all skew 2 x 2 matrices commute


def test_exact_gradient_is_the_series_of_brackets_with_plumbleys_direction():
    A, _, exact, pseudo = drawn(6, 0.5, np.random.default_rng(SEED))
    B, term, total, factor = skew(A), skew(pseudo), skew(pseudo), 1.0
    for k in range(2, 30):
        term = -(B @ term - term @ B)
        factor /= k
        total = total + factor * term
    np.testing.assert_allclose(np.triu(total, 1), exact, atol=1e-12)


def test_adding_plumbleys_direction_to_B_descends_below_a_quarter_turn():
    rng = np.random.default_rng(SEED)
    for _ in range(200):
        _, _, exact, pseudo = drawn(5, np.pi / 2 * rng.uniform(0.5, 1), rng)
        assert np.sum(exact * pseudo) > 0


def test_adding_plumbleys_direction_to_B_can_ascend_where_the_exponential_step_descends():
    J, X, Z = np.array([[0, 1.0], [-1, 0]]), np.diag([1.0, -1]), np.zeros((2, 2))
    B = np.block([[2.2 * J, Z], [Z, 2.2 * J]])
    K = np.block([[Z, X], [-X.T, Z]])
    W, cache = ExpMap(B).matrix()
    G = K @ W
    exact, P = ExpMap(B).pullback(G, cache)["A"], Plumbley(B).pullback(G, W)["A"]
    assert cosine(exact, P) == pytest.approx(-0.589, abs=1e-3)
    start = np.sum(G * W)
    assert np.sum(G * ExpMap(B - 1e-3 * P).matrix()[0]) - start == pytest.approx(1.7e-3, rel=0.05)
    assert np.sum(G * BasedExpMap(-1e-3 * P, W).matrix()[0]) - start == pytest.approx(-8e-3, rel=0.05)


def test_plumbleys_direction_is_declared_a_pseudo_gradient_with_an_exact_claim():
    p = Plumbley(np.random.default_rng(SEED).standard_normal((4, 4)))
    assert p.gradient == "pseudo"
    assert isinstance(p.claim(), BasedExpMap)
    np.testing.assert_allclose(p.claim().matrix()[0], p.matrix()[0], atol=1e-14)
    exact = ExpMap(np.zeros((4, 4)))
    assert exact.claim() is exact


def test_base_point_carries_the_determinant():
    rng = np.random.default_rng(SEED)
    W0 = polar(rng.standard_normal((4, 4)))
    W0[:, 0] *= -np.sign(np.linalg.det(W0))
    assert np.linalg.det(BasedExpMap(rng.standard_normal((4, 4)), W0).matrix()[0]) == pytest.approx(-1)
