"""Update rules against their papers' algorithms, number by number or matrix by matrix."""

import numpy as np
import oracles
import pytest
from update_rules import RULES, gradients, run

from minirnn import catalog
from minirnn.linalg import polar
from minirnn.optimizers import Geodesic, PlumbleyMultiplicative

# The rules that move along a manifold take whole matrices; what they promise there is in test_geodesic.py. Every
# convention of RMSprop, by its numbers, is in test_rmsprop.py.
ON_A_MANIFOLD = {
    "geodesic": (lambda: Geodesic(0.1, correct_every=0), lambda M, g: oracles.cayley_steps(M, g, 0.1), "fc", (5, 5)),
    "geodesic, tall": (
        lambda: Geodesic(0.1, correct_every=0), lambda M, g: oracles.cayley_steps(M, g, 0.1), "fc", (7, 3)
    ),
    "geodesic, rms": (
        lambda: Geodesic(0.01, "rms", correct_every=0),
        lambda M, g: oracles.normalised_cayley_steps(M, g, 0.01, 0.9, 1e-8), "fc", (5, 5),
    ),
    "plumbley-multiplicative": (
        lambda: PlumbleyMultiplicative(0.1, correct_every=0), lambda W, g: oracles.exponential_steps(W, g, 0.1), "f",
        (5, 5),
    ),
}


def test_every_rule_is_tested_here():
    tested = {type(make()) for make, *_ in (*RULES.values(), *ON_A_MANIFOLD.values())}
    assert tested == set(catalog.components("rules").values())


@pytest.mark.parametrize(("make", "oracle"), RULES.values(), ids=RULES.keys())
def test_two_hundred_steps_equal_the_papers_algorithm(make, oracle):
    x, G = np.random.default_rng(1).standard_normal((3, 4)), gradients((3, 4))
    wanted = np.array([[oracle(x[i, j], G[:, i, j]) for j in range(4)] for i in range(3)])
    found = run(make(), x.copy(), G)
    assert np.max(np.abs(found - wanted)) <= 1e-14 * np.max(np.abs(wanted))


def on_a_manifold(shape, number, steps=40):
    """A matrix with orthonormal columns, and gradients for it."""
    rng = np.random.default_rng(3)
    G = rng.standard_normal((steps + 1, *shape))
    if number == "c":
        G = G + 1j * rng.standard_normal(G.shape)
    return polar(G[-1]), G[:-1]


@pytest.mark.parametrize(("make", "oracle", "numbers", "shape"), ON_A_MANIFOLD.values(), ids=ON_A_MANIFOLD.keys())
def test_forty_steps_along_a_manifold_equal_the_papers_formula(make, oracle, numbers, shape):
    for number in numbers:
        M, G = on_a_manifold(shape, number)
        found, wanted = run(make(), M.copy(), G), oracle(M, G)
        assert np.linalg.norm(found - M) > 0.5
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("make", "numbers", "shape"), [
    (lambda: Geodesic(0.1, "rms", correct_every=3), "fc", (5, 5)),
    (lambda: PlumbleyMultiplicative(0.1, correct_every=3), "f", (5, 5)),
], ids=["geodesic", "plumbley-multiplicative"])
def test_a_restored_rule_on_a_manifold_continues_bit_for_bit(make, numbers, shape):
    for number in numbers:
        M, G = on_a_manifold(shape, number)
        whole, half, resumed = make(), make(), make()
        x = run(whole, M.copy(), G)
        y = run(half, M.copy(), G[:17])
        resumed.load_state_dict({key: a.copy() for key, a in half.state_dict().items()})
        assert run(resumed, y, G[17:]).tobytes() == x.tobytes()
