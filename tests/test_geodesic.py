"""Rules that move along the Stiefel manifold: they stay on it, and they descend at the rate they state."""

import numpy as np
import pytest

from minirnn.errors import UsageError
from minirnn.linalg import cayley, generator, newton_schulz, orthogonality_error, polar, reorthogonalised
from minirnn.optimizers import SGD, Adam, Geodesic, Optimizer, PlumbleyMultiplicative, RMSprop

SEED = 20


def matrix(shape, rng, kind="real"):
    X = rng.standard_normal(shape)
    return X + 1j * rng.standard_normal(shape) if kind == "complex" else X


def stiefel(shape, rng, kind="real"):
    return polar(matrix(shape, rng, kind))


def inner(G, X):
    return np.sum((G.conj() * X).real)


def rate(move, M, G, eta=1e-5):
    """d⟨G, M(η)⟩/dη at 0, by central differences."""
    return (inner(G, move(M, G, eta)) - inner(G, move(M, G, -eta))) / (2 * eta)


def one_step(rule_class, **options):
    def move(M, G, eta):
        X = M.copy()
        rule_class(abs(eta), **options).step("W", X, G if eta > 0 else -G)
        return X
    return move


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("shape", [(6, 6), (6, 4), (9, 2), (7, 1)])
def test_cayley_step_descends_at_half_the_squared_norm_of_its_generator(shape, kind):
    rng = np.random.default_rng(SEED)
    M, G = stiefel(shape, rng, kind), matrix(shape, rng, kind)
    expected = -0.5 * np.linalg.norm(generator(G, M)) ** 2
    assert rate(one_step(Geodesic), M, G) == pytest.approx(expected, rel=1e-7)


def test_exponential_step_descends_at_half_the_squared_norm_of_its_generator():
    rng = np.random.default_rng(SEED)
    M, G = stiefel((6, 6), rng), matrix((6, 6), rng)
    expected = -0.5 * np.linalg.norm(generator(G, M)) ** 2
    assert rate(one_step(PlumbleyMultiplicative), M, G) == pytest.approx(expected, rel=1e-7)


def test_sgd_descends_at_the_squared_norm_of_the_gradient():
    rng = np.random.default_rng(SEED)
    M, G = rng.standard_normal((2, 4, 3))
    assert rate(one_step(SGD), M, G) == pytest.approx(-np.sum(G * G), rel=1e-7)


@pytest.mark.parametrize(("kind", "moved"), [("real", False), ("complex", True)])
def test_cayley_step_keeps_the_determinant_of_a_real_matrix_and_only_its_modulus_of_a_complex_one(kind, moved):
    rng = np.random.default_rng(SEED)
    M, G = stiefel((5, 5), rng, kind), matrix((5, 5), rng, kind)
    before, after = np.linalg.det(M), np.linalg.det(Geodesic.full_step(M, G, 0.3))
    assert abs(after) == pytest.approx(1, abs=1e-12)
    assert (abs(after - before) > 1e-2) == moved


def test_a_step_stands_still_exactly_where_no_allowed_change_lowers_the_loss():
    """Allowed changes of a tall M are Ω M, Ω = dM Mᴴ − M dMᴴ − M (Mᴴ dM) Mᴴ; along them dL = ½ ⟨A, Ω⟩."""
    rng = np.random.default_rng(SEED)
    M, G, X = stiefel((7, 3), rng, "complex"), matrix((7, 3), rng, "complex"), matrix((7, 3), rng, "complex")
    dM = X - M @ (M.conj().T @ X + X.conj().T @ M) / 2              # X made an allowed change
    omega = dM @ M.conj().T - M @ dM.conj().T - M @ (M.conj().T @ dM) @ M.conj().T
    np.testing.assert_allclose(omega, -omega.conj().T, atol=1e-13)
    np.testing.assert_allclose(omega @ M, dM, atol=1e-13)
    assert inner(G, dM) == pytest.approx(0.5 * inner(generator(G, M), omega), rel=1e-12)
    symmetric = X[:3] + X[:3].conj().T
    assert np.linalg.norm(generator(M @ symmetric, M)) < 1e-13      # this gradient points off the manifold


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("shape", [(9, 2), (6, 5), (5, 5)])
def test_woodbury_form_is_the_full_step(shape, kind):
    rng = np.random.default_rng(SEED)
    M, G = stiefel(shape, rng, kind), matrix(shape, rng, kind)
    np.testing.assert_allclose(Geodesic.woodbury_step(M, G, 0.3), Geodesic.full_step(M, G, 0.3), rtol=0, atol=1e-12)


def test_cayley_and_exponential_steps_differ_in_third_order_only():
    rng = np.random.default_rng(SEED)
    M, G = stiefel((5, 5), rng), matrix((5, 5), rng)
    cayley_step, exponential_step = one_step(Geodesic), one_step(PlumbleyMultiplicative)
    gaps = [np.linalg.norm(cayley_step(M, G, eta) - exponential_step(M, G, eta)) for eta in (0.02, 0.01)]
    assert gaps[0] / gaps[1] == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_generator_applied_from_the_wrong_side_stays_on_the_manifold_but_often_ascends(kind):
    """GᵀM − MᵀG belongs on the right of M; a released program applies it on the left."""
    rng = np.random.default_rng(SEED)

    def wrong(M, G, eta):
        return cayley(eta / 2 * generator(G.conj().T, M.conj().T), M)

    ascents = 0
    for _ in range(100):
        M, G = stiefel((5, 5), rng, kind), matrix((5, 5), rng, kind)
        assert orthogonality_error(wrong(M, G, 0.1)) < 1e-12
        ascents += rate(wrong, M, G) > 0
        assert rate(Geodesic.full_step, M, G) < 0
    assert 20 < ascents < 80
    identity, G = np.identity(5), matrix((5, 5), rng, kind)
    assert rate(wrong, identity, G) == pytest.approx(+0.5 * np.linalg.norm(generator(G, identity)) ** 2, rel=1e-6)


def test_matrix_read_once_stays_on_the_manifold_but_its_steps_do_not_add_up():
    """Every update of a released program starts from the initial matrix: the first step is also the last."""
    rng = np.random.default_rng(SEED)
    target, start = stiefel((6, 6), rng), stiefel((6, 6), rng)
    stuck, moving = start.copy(), start.copy()
    for _ in range(300):
        stuck = Geodesic.full_step(start, stuck - target, 0.02)
        moving = Geodesic.full_step(moving, moving - target, 0.02)
    assert orthogonality_error(stuck) < 1e-12
    left = [np.linalg.norm(M - target) / np.linalg.norm(start - target) for M in (stuck, moving)]
    assert left[0] > 0.9
    assert left[1] < 0.8 * left[0]


def test_half_of_the_complex_gradient_is_still_unitary_and_another_direction():
    """Taking only the upper half of the real 2n x 2n gradient drops what arrives through the imaginary part of h."""
    rng = np.random.default_rng(SEED)
    W, H, D = stiefel((6, 6), rng, "complex"), matrix((20, 6), rng, "complex"), matrix((20, 6), rng, "complex")
    D = D.real + 0.3j * D.imag
    G, half = D.T @ H.conj(), D.T @ H.real                          # with Im h left out
    A, B = generator(G, W), generator(half, W)
    assert orthogonality_error(Geodesic.full_step(W, half, 0.1)) < 1e-12
    assert inner(A, B) / np.linalg.norm(A) / np.linalg.norm(B) < 0.9


def test_unconjugated_gradient_is_still_unitary_and_often_ascends():
    rng = np.random.default_rng(SEED)
    ascents = 0
    for _ in range(100):
        M, G = stiefel((5, 5), rng, "complex"), matrix((5, 5), rng, "complex")
        ascents += inner(G, Geodesic.full_step(M, G.conj(), 1e-5) - M) > 0
    assert 10 < ascents < 80


def test_root_mean_square_normalisation_stays_on_the_manifold_and_can_ascend():
    rng = np.random.default_rng(SEED)
    ascents = 0
    for kind in ("real", "complex"):
        for _ in range(100):
            M, G = stiefel((4, 4), rng, kind), matrix((4, 4), rng, kind)
            rule = Geodesic(1e-6, normalise="rms")
            rule.step("W", M.copy(), G * 10 ** rng.uniform(-3, 3, G.shape))     # a history of other scales
            X = M.copy()
            rule.step("W", X, G)
            assert orthogonality_error(X) < 1e-12
            ascents += inner(G, X - M) > 0
    assert ascents > 0


def test_root_mean_square_normalisation_divides_real_and_imaginary_parts_apart():
    rng = np.random.default_rng(SEED)
    M, G = stiefel((4, 4), rng, "complex"), matrix((4, 4), rng, "complex")
    X = M.copy()
    Geodesic(0.01, normalise="rms", rho=0.9, eps=0).step("W", X, G)
    expected = Geodesic.full_step(M, (np.sign(G.real) + 1j * np.sign(G.imag)) / np.sqrt(0.1), 0.01)
    np.testing.assert_allclose(X, expected, atol=1e-13)


REAL, COMPLEX = [("float64", 1e-12), ("float32", 1e-5)], [("complex64", 2e-5)]
DRIFTS = [(Geodesic, *case) for case in REAL + COMPLEX] + [(PlumbleyMultiplicative, *case) for case in REAL]


@pytest.mark.parametrize(("rule_class", "dtype", "limit"), DRIFTS)
def test_a_thousand_steps_stay_on_the_manifold_while_the_loss_falls(rule_class, dtype, limit):
    rng = np.random.default_rng(SEED)
    kind = "complex" if dtype == "complex64" else "real"
    start, target = (stiefel((8, 8), rng, kind).astype(dtype) for _ in range(2))
    W, rule = start.copy(), rule_class(lr=1e-3)
    for _ in range(1000):
        rule.step("W", W, W - target)
    assert W.dtype == dtype
    assert orthogonality_error(W) < limit
    assert np.linalg.norm(W - start) > 1e-2
    assert np.linalg.norm(W - target) < np.linalg.norm(start - target)


def test_newton_schulz_squares_the_error_and_the_polar_factor_serves_far_from_the_manifold():
    rng = np.random.default_rng(SEED)
    near = stiefel((6, 4), rng) + 1e-4 * rng.standard_normal((6, 4))
    far = stiefel((6, 4), rng) + 0.5 * rng.standard_normal((6, 4))
    assert orthogonality_error(newton_schulz(near)) < orthogonality_error(near) ** 2
    assert orthogonality_error(reorthogonalised(far)) < 1e-12
    np.testing.assert_array_equal(reorthogonalised(near), newton_schulz(near))


def test_state_is_restored_to_the_bit():
    rng = np.random.default_rng(SEED)
    W, G = stiefel((5, 5), rng, "complex"), matrix((3, 5, 5), rng, "complex")
    one, other = Geodesic(0.1, normalise="rms", correct_every=2), Geodesic(0.1, normalise="rms", correct_every=2)
    one.step("W", W, G[0])
    other.load_state_dict({key: array.copy() for key, array in one.state_dict().items()})
    X = W.copy()
    one.step("W", W, G[1])
    other.step("W", X, G[1])
    np.testing.assert_array_equal(W, X)


@pytest.mark.parametrize("rule", [SGD(0.1), Adam(0.1), RMSprop(0.1)])
@pytest.mark.parametrize("tag", ["stiefel", "unitary"])
def test_straight_line_rule_on_a_manifold_is_an_error_at_construction(rule, tag):
    with pytest.raises(UsageError, match=r"straight line.*Geodesic"):
        Optimizer({"rnn.0.W": np.eye(3)}, [("*", rule)], {"rnn.0.W": tag})


def test_manifold_rule_on_a_free_parameter_is_an_error_at_construction():
    with pytest.raises(UsageError, match=r"readout\.b.*euclidean"):
        Optimizer({"rnn.0.W": np.eye(3), "readout.b": np.zeros(3)}, [("*", Geodesic(0.1))], {"rnn.0.W": "stiefel"})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"normalise": "l2"}, "normalise must be 'none' or 'rms'"), ({"rho": 1.0}, r"rho must lie in \[0, 1\)"),
        ({"correct_every": -1}, "correct_every must be positive"), ({"lr": 0}, "the learning rate must be positive"),
    ],
)
def test_bad_options_are_refused(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        Geodesic(**{"lr": 0.1, **options})


def test_plumbley_multiplicative_wants_square_matrices():
    with pytest.raises(UsageError, match="geodesic"):
        PlumbleyMultiplicative(0.1).step("W", np.eye(4, 2), np.ones((4, 2)))
