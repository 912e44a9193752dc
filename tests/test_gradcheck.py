"""The gradient checker itself: a right gradient passes, a wrong one fails with its cause, and nothing is changed."""

import numpy as np
import pytest
from described import describe

from minirnn import gradcheck
from minirnn.errors import UsageError
from minirnn.gradcheck import check
from minirnn.problems import Problem
from minirnn.rows import Rows


def problem(gradient, shape=(4, 4), dtype=float, seed=0):
    """L = Σ |x|² |c| / 2 + Re Σ conj(c) x with its gradient |c| x + c, handed to `gradient` to be spoilt."""
    rng = np.random.default_rng(seed)
    x, c = rng.standard_normal((2, *shape))
    if dtype is complex:
        x, c = x + 1j * rng.standard_normal(shape), c + 1j * rng.standard_normal(shape)

    def value():
        return float(np.sum(np.abs(x) ** 2 * np.abs(c)) / 2 + np.sum((np.conj(c) * x).real))

    return Problem({"x": x}, value, lambda: {"x": gradient(np.abs(c) * x + c)})


def found(spoil, **options):
    (row,) = check(problem(spoil, **options))
    return row


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", [(4, 4), (7,), (2, 3, 4), (50, 60)])
def test_a_right_gradient_passes(shape, dtype):
    row = found(lambda g: g, shape=shape, dtype=dtype)
    assert row.passed, describe(row)
    assert row.hint == ""
    assert row.slope == pytest.approx(2, abs=0.01)


def test_small_entries_beside_large_ones_raise_no_false_alarm():
    """They miss the relative limit at every step, and the smallest step has the largest rounding error."""
    x = np.random.default_rng(0).standard_normal(50)
    C = np.logspace(0, -12, 50)
    (row,) = check(Problem({"x": x}, lambda: float(100 + np.sum(C * np.sin(x))), lambda: {"x": C * np.cos(x)}))
    assert row.passed, describe(row)


WRONG = {
    "sign": (lambda g: -g, float, "sign is flipped"),
    "transpose": (lambda g: g.T, float, "transpose of the true gradient: look for a missing .T"),
    "factor": (lambda g: 2 * g, float, "it is 2 times the true gradient"),
    "a thousandth": (lambda g: 1.001 * g, float, "it is 1.001 times the true gradient"),
    "zero": (np.zeros_like, float, "the gradient is zero"),
    "missing conj": (np.conj, complex, "missing .conj()"),
    "conjugate transpose": (lambda g: g.conj().T, complex, "conjugate transpose"),
    "torch's half": (lambda g: g / 2, complex, "it is 0.5 times the true gradient"),
    "a term too much": (lambda g: g + 1, float, "usual causes"),
    "not a number": (lambda g: g * np.nan, float, "usual causes"),
}


@pytest.mark.parametrize(("spoil", "dtype", "hint"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_gradient_fails_with_its_cause(spoil, dtype, hint):
    row = found(spoil, dtype=dtype)
    assert not row.passed
    assert hint in row.hint


@pytest.mark.parametrize("shape", [(4, 4), (50, 60)])
def test_a_wrong_gradient_has_slope_one(shape):
    assert found(lambda g: 1.01 * g, shape=shape).slope == pytest.approx(1, abs=0.1)


def test_a_claim_for_something_unused_is_told_apart():
    p = Problem({"x": np.ones(3)}, lambda: 1.0, lambda: {"x": np.ones(3)})
    (row,) = check(p)
    assert not row.passed
    assert "the loss does not depend on it" in row.hint


def spoil_entry(value):
    def spoil(g):
        g = g.copy()
        g[37, 11] = value
        return g

    return spoil


@pytest.mark.parametrize("value", [0.0, 10.0, np.nan, np.inf])
@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_entry_of_a_large_tensor_is_caught(value, seed):
    assert gradcheck.EXHAUSTIVE < 50 * 60
    assert not found(spoil_entry(value), shape=(50, 60), seed=seed).passed, f"seed {seed}"


@pytest.mark.parametrize(("name", "spoil"), [("sign", lambda g: -g), ("factor", lambda g: 2 * g)])
def test_a_large_tensor_gets_the_hint_too(name, spoil):
    row = found(spoil, shape=(50, 60))
    assert WRONG[name][2] in row.hint


def test_the_worst_entry_is_reported_with_both_values():
    row = found(lambda g: g + 3 * (np.arange(16).reshape(4, 4) == 6))
    assert row.worst == (1, 2)
    assert row.analytic - row.numeric == pytest.approx(3, abs=1e-6)
    assert row.size == 16


@pytest.mark.parametrize("distance", [0.9e-5, 3e-6, -3e-6, 2e-7])
def test_a_kink_within_the_step_raises_no_false_alarm(distance):
    """L = Σ |x|, one entry nearer to the kink than h = 1e-5."""
    x = np.random.default_rng(0).standard_normal(6)
    x[3] = distance
    (row,) = check(Problem({"x": x}, lambda: float(np.sum(np.abs(x) + x * x)), lambda: {"x": np.sign(x) + 2 * x}))
    assert row.passed, describe(row)


def test_a_wrong_gradient_beside_a_kink_is_still_caught():
    x = np.random.default_rng(0).standard_normal(6)
    x[3] = 3e-6
    (row,) = check(Problem({"x": x}, lambda: float(np.sum(np.abs(x))), lambda: {"x": 1.001 * np.sign(x)}))
    assert not row.passed


@pytest.mark.parametrize("shape", [(4, 4), (50, 60)])
@pytest.mark.parametrize("dtype", [float, complex])
def test_the_arrays_stand_bit_for_bit_as_before(shape, dtype):
    p = problem(lambda g: 2 * g, shape=shape, dtype=dtype)
    p.arrays["x"].flat[:3] = -0.0, 1e-310, 0.1
    before = p.arrays["x"].tobytes()
    check(p)
    assert p.arrays["x"].tobytes() == before


def test_rows_are_compared_as_the_dense_gradient_they_mean():
    E, ids = np.random.default_rng(0).standard_normal((5, 2)), np.array([1, 3, 1])
    p = Problem({"E": E}, lambda: float(np.sum(E[ids] ** 2)), lambda: {"E": Rows(ids, 2 * E[ids])})
    (row,) = check(p)
    assert row.passed, describe(row)


def test_a_gradient_of_another_shape_is_a_usage_error():
    with pytest.raises(UsageError, match=r"cell: 'x' has shape \(4, 4\), its gradient \(4,\)"):
        check(problem(lambda g: g[0]), component="cell")


@pytest.mark.parametrize("grads", [{}, {"y": np.ones(3)}, {"x": np.ones(3), "y": np.ones(3)}])
def test_other_names_than_the_parameters_are_a_usage_error(grads):
    with pytest.raises(UsageError, match="different names"):
        check(Problem({"x": np.ones(3)}, lambda: 0.0, lambda: grads))


def test_an_unknown_component_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'elman'"):
        list(gradcheck.check_all(["ellman"]))


def test_check_all_checks_every_component_once():
    rows = [row for found in gradcheck.check_all(["tanh", "dense"]) for row in found]
    assert {(row.kind, row.component) for row in rows} == {("activations", "tanh"), ("parametrizations", "dense")}


def test_a_row_is_plain_data_for_json():
    import json

    real, complex_ = found(lambda g: g).as_dict(), found(lambda g: g, dtype=complex).as_dict()
    assert json.loads(json.dumps(real))["analytic"] == pytest.approx(real["numeric"], abs=1e-6)
    assert len(complex_["analytic"]) == 2
    json.dumps(complex_)
