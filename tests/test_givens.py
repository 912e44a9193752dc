"""Packed rotations: the schedules, orthogonality, the reversible backward, and both ways of applying them."""

from itertools import combinations

import numpy as np
import pytest

from minirnn.activations import Abs
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations import Dense, Givens, GivensSVD
from minirnn.parametrizations.givens import butterfly, round_robin

RNG = np.random.default_rng(11)


def angles(K, n, bound=np.pi):
    return RNG.uniform(-bound, bound, (K, n // 2))


@pytest.mark.parametrize("n", range(2, 12))
def test_round_robin_turns_each_pair_exactly_once(n):
    p, q = round_robin(n, n - 1 + n % 2)
    assert p.shape == (n - 1 + n % 2, n // 2)
    assert sorted(zip(p.ravel().tolist(), q.ravel().tolist(), strict=True)) == list(combinations(range(n), 2))


@pytest.mark.parametrize("n", [4, 5, 16])
def test_the_planes_of_a_round_are_disjoint(n):
    p, q = round_robin(n, n - 1)
    assert all(len({*a.tolist(), *b.tolist()}) == n // 2 * 2 for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("n", [2, 8, 16])
def test_butterfly_has_half_n_log_n_planes_at_distances_of_powers_of_two(n):
    K = int(np.log2(n))
    p, q = butterfly(n, K)
    assert p.size == n // 2 * K
    assert np.all(q - p == (2 ** np.arange(K))[:, None])
    assert all(sorted([*a, *b]) == list(range(n)) for a, b in zip(p.tolist(), q.tolist(), strict=True))


def test_a_full_butterfly_mixes_every_unit_with_every_other():
    W, _ = Givens(angles(4, 16), 16, butterfly).matrix()
    assert np.all(np.abs(W) > 0)


@pytest.mark.parametrize("n", [6, 7])
def test_W_is_a_rotation(n):
    W, _ = Givens(angles(n - 1, n), n).matrix()
    assert orthogonality_error(W) < 1e-14
    assert np.linalg.det(W) == pytest.approx(1, abs=1e-14)


def test_a_sign_makes_it_a_reflection():
    W, _ = Givens(angles(3, 4), 4, signs=np.array([1.0, 1, -1, 1])).matrix()
    assert orthogonality_error(W) < 1e-14
    assert np.linalg.det(W) == pytest.approx(-1, abs=1e-14)


def test_angles_of_zero_give_the_identity_exactly():
    W, _ = Givens(np.zeros((5, 2)), 5).matrix()
    assert np.array_equal(W, np.eye(5))


def test_one_rotation_is_the_textbook_one():
    c, s = np.cos(0.3), np.sin(0.3)
    W, _ = Givens(np.array([[0.3]]), 2).matrix()
    np.testing.assert_allclose(W, [[c, -s], [s, c]], rtol=0, atol=1e-16)


@pytest.mark.parametrize("n", [8, 9])
def test_all_angles_count_at_the_identity(n):
    """The map from n(n − 1)/2 angles to skew generators is an isometry at θ = 0 (up to √2): no plane is redundant."""
    rotation = Givens(np.zeros((n - 1 + n % 2, n // 2)), n)
    _, cache = rotation.matrix()
    rows = [rotation.pullback(E.reshape(n, n), cache)["theta"].ravel() for E in np.eye(n * n)]
    spectrum = np.linalg.svd(np.array(rows), compute_uv=False)
    assert len(spectrum) == n * (n - 1) // 2
    np.testing.assert_allclose(spectrum, np.sqrt(2), rtol=1e-12)


def test_the_backward_pass_recovers_its_inputs_from_its_outputs():
    rotation = Givens(angles(31, 32), 32)
    W, (_, turns) = rotation.matrix()
    _, _, start = rotation.backward(W, np.zeros_like(W), turns)
    assert np.max(np.abs(start - np.eye(32))) < 1e-14               # 31 rounds forward and back, 2e-16 each at most


def test_the_backward_pass_keeps_the_gradients_norm():
    rotation = Givens(angles(7, 8), 8)
    G = RNG.standard_normal((8, 8))
    W, (_, turns) = rotation.matrix()
    start, _, _ = rotation.backward(W, G, turns)
    assert np.linalg.norm(start) == pytest.approx(np.linalg.norm(G), rel=1e-14)


@pytest.mark.parametrize("n", [6, 7])
@pytest.mark.parametrize("signed", [False, True])
def test_per_step_equals_materialised(n, signed):
    theta, signs = angles(n - 1, n), np.where(np.arange(n) == 1, -1.0, 1.0) if signed else None
    W, cache = Givens(theta, n, signs=signs).matrix()
    packed = Givens(theta, n, signs=signs, per_step=True)
    operator, _ = packed.matrix()
    H, dZ = RNG.standard_normal((2, 4, 3, n))
    np.testing.assert_allclose(operator.dense(), W, rtol=0, atol=1e-14)
    np.testing.assert_allclose(H @ operator.T, H @ W.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dZ @ operator.conj(), dZ @ W, rtol=0, atol=1e-14)
    dW = dZ.reshape(-1, n).T @ H.reshape(-1, n)
    whole = Givens(theta, n, signs=signs).pullback(dW, cache)["theta"]
    assert np.max(np.abs(operator.gradient(dZ, H) - whole)) < 1e-12 * np.max(np.abs(whole))


def test_per_step_equals_materialised_through_200_steps_of_an_abs_network():
    n, T = 8, 200
    theta, U, b, X = angles(4, n), RNG.standard_normal((n, 2)), np.zeros(n), RNG.standard_normal((T, 3, 2))
    C = RNG.standard_normal((T, 3, n))
    found = []
    for per_step in (False, True):
        layer = Recurrent(Elman(Abs()), Dense(U), b, W=Givens(theta, n, per_step=per_step))
        H, _, cache = layer.forward(X)
        found.append((H, layer.backward(C, cache)))
    (H1, (dX1, g1)), (H2, (dX2, g2)) = found
    np.testing.assert_allclose(H1, H2, rtol=0, atol=1e-11)
    np.testing.assert_allclose(dX1, dX2, rtol=0, atol=1e-11)
    assert np.max(np.abs(g1["W.theta"] - g2["W.theta"])) < 1e-12 * np.max(np.abs(g1["W.theta"]))


@pytest.mark.parametrize("per_step", [False, True])
def test_the_gradient_of_an_abs_network_keeps_its_norm_for_200_steps(per_step):
    """∂L/∂h_0 for a loss on h_200 alone: |·| and W have singular values 1, so the norm arrives unchanged."""
    n = 8
    W, _ = Givens(angles(4, n), n, per_step=per_step).matrix()
    h = [RNG.standard_normal((2, n))]
    for _ in range(200):
        h.append(np.abs(h[-1] @ W.T + 0.1))
    g = start = RNG.standard_normal((2, n))
    for before in reversed(h[:-1]):
        z = before @ W.T + 0.1
        g = np.where(z >= 0, g, -g) @ W.conj()
    assert np.linalg.norm(g) == pytest.approx(np.linalg.norm(start), rel=1e-13)


def test_float32_stays_float32():
    theta = angles(3, 4).astype(np.float32)
    model = Givens(theta, 4, signs=np.ones(4, np.float32), per_step=True)
    W, _ = model.matrix()
    H = np.ones((2, 4), np.float32)
    assert (H @ W.T).dtype == (H @ W.conj()).dtype == W.gradient(H, H).dtype == W.dtype == np.float32


def test_the_singular_values_of_GivensSVD_are_s():
    s = np.array([2.0, 1.5, 0.5, 0.1, 0])
    W, _ = GivensSVD(Givens(angles(5, 5), 5), s, Givens(angles(2, 5), 5)).matrix()
    np.testing.assert_allclose(np.linalg.svd(W, compute_uv=False), s, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda: Givens(np.zeros((3, 3)), 5), r"theta \(K, 2\) for n = 5 \(got float64, shape \(3, 3\)\)"),
    (lambda: Givens(np.zeros((3, 2), complex), 4), "needs real angles"),
    (lambda: Givens(np.zeros((4, 2)), 4), r"1 to 3 rounds for n = 4 \(got K = 4\)"),
    (lambda: Givens(np.zeros((0, 2)), 4), r"got K = 0"),
    (lambda: Givens(np.zeros((2, 3)), 6, butterfly), r"a power of two \(got 6\); use round_robin"),
    (lambda: Givens(np.zeros((4, 4)), 8, butterfly), r"1 to 3 rounds for n = 8 \(got K = 4\)"),
    (lambda: Givens(np.zeros((1, 2)), 4, signs=np.array([1.0, 2, 1, 1])), "4 signs of ±1"),
    (lambda: GivensSVD(Givens(np.zeros((1, 2)), 4), np.ones(3), Givens(np.zeros((1, 2)), 4)), "as many singular"),
    (lambda: GivensSVD(Givens(np.zeros((1, 2)), 4), np.ones(4), Givens.sized(6, RNG)), r"got n = 4 and 6"),
])
def test_what_does_not_fit_is_refused_in_one_sentence(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()
