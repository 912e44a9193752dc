"""A thousand updates that lower the loss and move W leave every constraint as it was.

The limits: rounding adds about ε per entry and step, as a random walk, so ε √1000 n ≈ 1e-13 in float64 and 6e-5 in
float32 at n = 16; the geodesic rule's correction keeps the latter lower still.
"""

import pytest

from minirnn.benchmarks.invariants import CASES, measure


@pytest.mark.parametrize(
    ("dtype", "limit"), [pytest.param("float64", 2e-13, marks=pytest.mark.slow), ("float32", 6e-5)]
)
@pytest.mark.parametrize("name", CASES)
def test_training_keeps_the_invariant(name, dtype, limit):
    found = measure(CASES[name], dtype)
    assert found.after < 0.7 * found.before
    assert found.moved > 1e-2
    assert found.error <= limit


def test_the_measure_notices_a_constraint_that_is_broken(monkeypatch):
    from minirnn.parametrizations import ExpMap

    plain = ExpMap.matrix

    def leaking(self):
        W, cache = plain(self)
        return W * 1.001, cache

    monkeypatch.setattr(ExpMap, "matrix", leaking)
    assert measure(CASES["urnn-exp"], "float64", steps=2).error > 1e-3
