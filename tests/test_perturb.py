"""The machinery of the negative control: tags on lines, and one line scaled through the syntax tree."""

import ast
import inspect
import re
import textwrap
from collections import Counter

import numpy as np
import pytest

from minirnn import catalog, perturb
from minirnn.cells import GRU, LSTM, Elman
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.losses import MeanSquaredError
from minirnn.parametrizations import Dense

CLASSES = {
    f"{kind}/{name}": component
    for kind in (*catalog.CHECKED[:-1], "rules")
    for name, component in catalog.components(kind).items()
}
every_class = pytest.mark.parametrize("component", CLASSES.values(), ids=CLASSES.keys())

# Functions and methods that arrange numbers without computing new ones.
ARRANGES = {
    "append", "as_kind", "astype", "blocks", "_columns", "concatenate", "conj", "copy", "dict", "empty_like",
    "hasattr", "isinstance", "items", "len", "pop", "range", "reshape", "reversed", "SimpleNamespace", "slice", "stack",
    "tuple", "update", "zeros_like", "zip",
}
# Adjoints of other parts, each of which answers for its own lines; and what holds such parts, or their results.
DELEGATES = {"Parts", "Rows", "accumulate", "add_at", "join", "take"} | perturb.BACKWARD
DELEGATES |= {c.__name__ for c in CLASSES.values()}


def methods_of(source):
    """The methods of a class and of the classes inside it, such as the variants of GRU."""
    classes = [node for node in ast.walk(ast.parse(source).body[0]) if isinstance(node, ast.ClassDef)]
    return [node for owner in classes for node in owner.body if isinstance(node, ast.FunctionDef)]


def code_tags(component):
    """How often each tag stands on a code line of the class."""
    source = textwrap.dedent(inspect.getsource(component))
    lines = source.splitlines()
    numbers = {number for f in methods_of(source) for number in range(f.lineno, f.end_lineno + 1)}
    return Counter(tag for number in numbers for tag in perturb.tags_of(lines[number - 1]))


@every_class
def test_a_tag_stands_on_one_line(component):
    assert [tag for tag, count in code_tags(component).items() if count > 1] == []


@every_class
def test_the_equations_of_the_docstring_are_the_tagged_lines(component):
    """Tags have one letter or, where a letter is taken on a shared page, two: (E3), (GN4)."""
    written = set(re.findall(r"\(([A-Z]{1,2}\d+\w*)\)", component.__doc__))
    assert set(code_tags(component)) == written


@every_class
def test_tagged_lines_finds_every_tag(component):
    assert set(perturb.tagged_lines(component)) == set(code_tags(component))


@pytest.mark.parametrize(("line", "tags"), [
    ("dz = 1    # (E3) undoes (E2)", ["E3"]),
    ("gates += 1    # (L2) (L3) (L4) in the memory of a", ["L2", "L3", "L4"]),
    ("x = f(E3)", []),
    ("x = 1    # as in (E3)", []),
    ("x = 1    # (sic)", []),
])
def test_tags_are_those_a_comment_begins_with(line, tags):
    assert perturb.tags_of(line) == tags


def test_backward_tags_are_those_of_the_adjoint_methods():
    assert perturb.backward_tags(Elman) == ["E3", "E4", "E5"]


def test_a_function_inside_an_adjoint_belongs_to_it():
    assert perturb.backward_tags(Recurrent) == ["C2", "C3", "C4", "C7", "C5"]


class Nested:
    """A class whose variants stand inside it, as GRU's do."""

    class Variant:
        def step_backward(self, dh):
            dp = 2 * dh                    # (Z1)
            return dp

    def backward(self, dh):
        dz = 3 * dh                        # (Z2)
        return -dz


def test_a_class_inside_a_component_belongs_to_it():
    assert perturb.backward_tags(Nested) == ["Z1", "Z2"]


def test_a_line_of_a_class_inside_a_component_is_perturbed():
    dz, r, h, k = np.random.default_rng(0).standard_normal((4, 2, 3))
    w = type("w", (), {"W_h": np.identity(3)})
    right, wrong = (C.After().step_backward(dz, r, h, k, w) for C in (GRU, perturb.perturbed(GRU, "G19", 2)))
    np.testing.assert_array_equal(wrong[0], right[0])
    np.testing.assert_array_equal(wrong[1], 2 * right[1])


# ---- nothing escapes: arithmetic in an adjoint stands on a tagged line, or feeds one


def _computes(node):
    """Whether a statement makes new numbers, apart from the arithmetic of indices and from what other parts answer."""
    for part in _outside_indices(node):
        if isinstance(part, ast.BinOp | ast.AugAssign):
            return True
        if isinstance(part, ast.UnaryOp) and not isinstance(part.operand, ast.Constant):     # -x, but not -1
            return True
        if isinstance(part, ast.Call):
            name = part.func.attr if isinstance(part.func, ast.Attribute) else part.func.id
            if name not in ARRANGES | DELEGATES:
                return True
    return False


def _outside_indices(node):
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Subscript) and child is node.slice:
            continue
        yield from _outside_indices(child)


def _names(node, context):
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, context)}


def _written(node):
    """Names that a statement assigns to, also by name[...] = and name op= ."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if hasattr(node, "target") else []
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def untagged_arithmetic(component):
    """Source lines of the adjoint methods that compute, bear no tag, and whose result reaches no later tagged line.

    A result reaches a tagged line if that line reads it, or reads what an assignment in between made of it.
    """
    source = textwrap.dedent(inspect.getsource(component))
    lines, found = source.splitlines(), []
    for method in methods_of(source):
        if method.name not in perturb.BACKWARD:
            continue
        statements = [n for n in ast.walk(method) if isinstance(n, ast.stmt) and not hasattr(n, "body")]
        tagged = {
            n for n in statements if any(perturb.tags_of(line) for line in lines[n.lineno - 1 : n.end_lineno])
        }
        reaching = set(tagged)
        for node in sorted(set(statements) - tagged, key=lambda n: -n.lineno):
            later = [n for n in reaching if n.lineno > node.lineno]
            if any(_written(node) & _names(n.value, ast.Load) for n in later):
                reaching.add(node)
            elif _computes(node):
                found.append(lines[node.lineno - 1].strip())
    return found


@every_class
def test_no_arithmetic_of_an_adjoint_escapes_the_tags(component):
    assert untagged_arithmetic(component) == []


@every_class
def test_every_component_with_an_adjoint_has_a_tag_in_it(component):
    methods = perturb.BACKWARD & set(vars(component))
    returns_nothing = component.__name__ == "OneHot"       # no gradient reaches a symbol
    assert not methods or returns_nothing or perturb.backward_tags(component)


class Leaky:
    """A class whose adjoint computes behind the tags' back."""

    def backward(self, dh, z, h):
        scale = 3 * h
        dz = dh * z                    # (Z1)
        dz -= 1
        return np.sin(dz) if scale is None else -dz


def test_the_rule_against_untagged_arithmetic_catches_it():
    found = sorted(untagged_arithmetic(Leaky))
    assert found == ["dz -= 1", "return np.sin(dz) if scale is None else -dz", "scale = 3 * h"]


def test_the_rule_against_untagged_arithmetic_sees_the_classes_inside():
    assert untagged_arithmetic(Nested) == ["return -dz"]
    assert untagged_arithmetic(NestedLeak) == ["return 2 * dp"]


class NestedLeak:
    """A class whose variant computes behind the tags' back."""

    class Variant:
        def step_backward(self, dh):
            dp = 2 * dh                    # (Z1)
            return 2 * dp


class Chain:
    """A class that makes what a tagged line reads in two assignments, and something that none reads."""

    def backward(self, dh, z):
        y = 2 * z
        slope, unread = np.cos(y), 3
        unread = 2 * y
        dz = slope * dh                    # (Z1)
        return dz, unread


def test_what_reaches_a_tagged_line_through_an_assignment_is_guarded_by_it():
    assert untagged_arithmetic(Chain) == ["unread = 2 * y"]


# ---- perturbing


def test_perturbing_scales_the_tagged_line_alone():
    dh, z, h = np.random.default_rng(0).standard_normal((3, 2, 4))
    w = type("w", (), {"W": np.identity(4)})
    right = Elman().step_backward((dh,), None, (h,), z, w, np.empty_like(h))
    wrong = perturb.perturbed(Elman, "E4", 2)().step_backward((dh,), None, (h,), z, w, np.empty_like(h))
    np.testing.assert_array_equal(wrong[0], right[0])
    np.testing.assert_array_equal(wrong[1][0], 2 * right[1][0])


def test_perturbing_leaves_the_original_untouched():
    before, method = inspect.getsource(Dense), Dense.pullback
    changed = perturb.perturbed(Dense, "D2", 5)
    assert changed is not Dense
    assert Dense.pullback is method
    assert inspect.getsource(Dense) == before
    assert Dense(np.ones((2, 2))).pullback(np.ones((2, 2)), None)[""].tolist() == [[1, 1], [1, 1]]
    assert changed(np.ones((2, 2))).pullback(np.ones((2, 2)), None)[""].tolist() == [[5, 5], [5, 5]]


def test_a_perturbed_class_is_still_a_component_of_its_kind():
    assert issubclass(perturb.perturbed(LSTM, "L8", 1.1), LSTM.__base__)


def test_a_factor_of_one_changes_nothing():
    y, t = np.random.default_rng(1).standard_normal((2, 3, 2, 4))
    batch = type("batch", (), {"y": t, "mask": None})
    right, wrong = (C().backward(C().forward(y, batch)[1]) for C in (
        MeanSquaredError, perturb.perturbed(MeanSquaredError, "Q3", 1)
    ))
    np.testing.assert_array_equal(right, wrong)


def test_an_unknown_tag_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"Elman has no equation \(E9\); its tags: E1, E2, E3, E4, E5"):
        perturb.perturbed(Elman, "E9", 1.1)


def test_a_line_that_is_no_assignment_is_refused():
    with pytest.raises(UsageError, match=r"\(L2\) of LSTM is not an assignment"):
        perturb.perturbed(LSTM, "L2", 1.1)
