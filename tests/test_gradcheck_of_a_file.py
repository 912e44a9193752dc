"""The gradient check of a user's own file: what it finds there, and what it says where there is nothing to check."""

import textwrap

import pytest

from minirnn import gradcheck
from minirnn.errors import UsageError

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
