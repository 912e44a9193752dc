"""The gradient checks of every component, the negative control, and the checker itself."""

import textwrap

import numpy as np
import pytest

from minirnn import catalog, gradcheck, perturb, problems
from minirnn.cells import LSTM, Elman
from minirnn.errors import UsageError
from minirnn.gradcheck import check
from minirnn.problems import Problem
from minirnn.rows import Rows

COMPONENTS = [(kind, name) for kind in catalog.CHECKED for name in catalog.components(kind)]
TAGS = [
    (kind, name, tag)
    for kind, name in COMPONENTS
    if kind != "models"
    for tag in perturb.backward_tags(catalog.components(kind)[name])
]


def describe(row):
    return f"{row.component} {row.example} {row.parameter}: error {row.error:.1e}, slope {row.slope:.3f}, {row.hint}"


# ---- every component that exists


@pytest.mark.parametrize(("kind", "name"), COMPONENTS, ids=map("/".join, COMPONENTS))
def test_hand_written_gradients_are_the_gradients(kind, name):
    component = catalog.components(kind)[name]
    rows = gradcheck.check_component(kind, name, component, seed=0)
    assert rows or (name == "one-hot"), "a component without an example is never checked"
    for row in rows:
        assert row.error <= 1e-7, f"seed 0, {describe(row)}"
        assert row.slope >= 1.9, f"seed 0, {describe(row)}"


@pytest.mark.parametrize(("kind", "name", "tag"), TAGS, ids=map("/".join, TAGS))
def test_a_backward_line_off_by_a_thousandth_is_caught(kind, name, tag):
    wrong = perturb.perturbed(catalog.components(kind)[name], tag, 1.001)
    rng = np.random.default_rng(0)
    found = (row for label, p in problems.of(kind, wrong, 3, rng) for row in check(p, kind, name, label, rng))
    assert any(not row.passed for row in found), f"seed 0: no check guards line ({tag})"


# 4, 12 and 20 put kinks into the way of the linear model
@pytest.mark.parametrize("seed", [12, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (4, 8, 16, 20))])
@pytest.mark.parametrize("name", ["elman", "lstm"])
def test_other_seeds_raise_no_false_alarm(name, seed):
    for row in gradcheck.check_component("cells", name, catalog.find("cells", name), seed=seed):
        assert row.passed, f"seed {seed}, {describe(row)}"


@pytest.mark.parametrize("n", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 8))])
def test_the_checks_hold_at_other_sizes(n):
    for kind in ("cells", "parametrizations", "activations"):
        for name, component in catalog.components(kind).items():
            for row in gradcheck.check_component(kind, name, component, n=n, seed=1):
                assert row.passed, f"seed 1, {describe(row)}"


# ---- the checker


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


# ---- a file of one's own

CELL = '''
import numpy as np
from minirnn.cells import Cell
from minirnn.linalg import outer_sum


class Integrator(Cell):
    """h_t = h_{t-1} + tanh(a_t + W h_{t-1})."""

    summary, gates, states, matrices = "adds up", ("h",), 1, {"W": (1, 1)}

    def step(self, a, state, w, out):
        (h_prev,) = state
        y = np.tanh(a + h_prev @ w.W.T)
        return (h_prev + y,), y

    def step_backward(self, dstate, state_prev, state, cache, w, out):
        (dh,), y = dstate, cache
        dz = dh * (1 - y * y)
        return dz, (SKIP + dz @ w.W,)

    def matrix_gradients(self, dA, states, caches, w):
        return {"W": outer_sum(w.W, dA, states[0][:-1])}

    @classmethod
    def examples(cls, n, rng):
        yield "", cls()
'''
PARAMETRIZATION = '''
import numpy as np
from minirnn.parametrizations import Parametrization


class Symmetric(Parametrization):
    summary = "W = S + S^T"

    def matrix(self):
        S = self.params["S"]
        return S + S.T, None

    def pullback(self, dW, cache):
        return {"S": PULLED}

    @classmethod
    def examples(cls, n, rng):
        yield "", cls(S=rng.standard_normal((n, n)))
'''


def write(tmp_path, text, name="mine.py"):
    path = tmp_path / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


@pytest.mark.parametrize(("source", "kind", "name"), [
    (CELL.replace("SKIP", "dh"), "cells", "Integrator"),
    (PARAMETRIZATION.replace("PULLED", "dW + dW.T"), "parametrizations", "Symmetric"),
])
def test_a_right_component_in_a_users_file_passes(tmp_path, source, kind, name):
    ((*rows,),) = gradcheck.check_file(write(tmp_path, source))
    assert {(row.kind, row.component) for row in rows} == {(kind, name)}
    assert all(row.passed for row in rows)


@pytest.mark.parametrize(("source", "parameters"), [
    (CELL.replace("SKIP", "0"), {"a", "h0", "W"}),          # the skip connection's gradient was not added
    (PARAMETRIZATION.replace("PULLED", "dW"), {"S"}),
])
def test_a_wrong_component_in_a_users_file_fails(tmp_path, source, parameters):
    ((*rows,),) = gradcheck.check_file(write(tmp_path, source))
    assert {row.parameter for row in rows if not row.passed} == parameters


def test_components_that_a_file_only_imports_are_not_checked(tmp_path):
    source = "from minirnn.cells import LSTM\n" + PARAMETRIZATION.replace("PULLED", "dW + dW.T")
    assert [rows[0].component for rows in gradcheck.check_file(write(tmp_path, source))] == ["Symmetric"]


def test_a_file_without_components_says_what_to_derive_from(tmp_path):
    with pytest.raises(UsageError, match="defines no component"):
        list(gradcheck.check_file(write(tmp_path, "x = 1")))


@pytest.mark.parametrize(("source", "error"), [("1 / 0", "ZeroDivisionError"), ("def f(:", "SyntaxError")])
def test_a_file_that_does_not_run_says_why(tmp_path, source, error):
    with pytest.raises(UsageError, match=f"does not run: {error}"):
        list(gradcheck.check_file(write(tmp_path, source)))


@pytest.mark.parametrize("name", ["absent.py", "notes.txt", "folder"])
def test_what_is_no_python_file_says_so(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot read"):
        list(gradcheck.check_file(tmp_path / name))


def test_the_cells_are_checked_over_more_than_one_segment_of_the_loop():
    from minirnn import unroll

    for cell in (Elman, LSTM):
        for _, p in problems.of("cells", cell, 3, np.random.default_rng(0)):
            assert len(p.arrays["a"]) > unroll.SEGMENT
