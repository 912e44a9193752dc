"""The negative control of a derivation: one backward line scaled, and the check must notice.

Equation tags stand as comments on the lines that compute them, `dz = ...   # (E3)`. `perturbed` compiles the source
anew with the tagged assignment multiplied by a factor, through the syntax tree; nothing else changes.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from typing import Any

from minirnn.errors import UsageError

BACKWARD = {
    "backward", "step_backward", "matrix_gradients", "vector_gradients", "gradients", "pullback", "apply_adjoint",
    "undo", "finish",
}
COMMENT = re.compile(r"#\s*((?:\(\w+\d\w*\)\s*)+)")


def tags_of(line: str) -> list[str]:
    """The tags a source line bears: those its comment begins with, as in `# (E3) undoes (E2)`."""
    match = COMMENT.search(line)
    return re.findall(r"\((\w+)\)", match[1]) if match else []


def tagged_lines(component: Any) -> dict[str, tuple[str, str]]:
    """{tag: (method or function, source line)} of every tagged line of a class, in source order.

    The classes that stand inside it, such as the variants of GRU, count as its own. A line of a function inside a
    function belongs to the outer one.
    """
    source = textwrap.dedent(inspect.getsource(component))
    owner: dict[int, str] = {}                                          # line number -> function
    lines = source.splitlines()
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        for number in range(function.lineno, (function.end_lineno or function.lineno) + 1):
            owner.setdefault(number, function.name)                     # ast.walk meets the outer of two first
    found: dict[str, tuple[str, str]] = {}
    for number in sorted(owner):
        for tag in tags_of(lines[number - 1]):
            found.setdefault(tag, (owner[number], lines[number - 1].strip()))
    return found


def backward_tags(component: Any) -> list[str]:
    """The tags of the lines in the component's adjoint methods: those a gradient check must guard."""
    return [tag for tag, (function, _) in tagged_lines(component).items() if function in BACKWARD]


def perturbed(component: type, tag: str, factor: float) -> type:
    """The component with the assignment tagged `tag` multiplied by `factor`.

    raises   UsageError if there is no such tag, or if the tagged line is not an assignment to one name
    """
    module = sys.modules[component.__module__]
    source = inspect.getsource(module)
    lines = source.splitlines()
    tree = ast.parse(source)
    owner = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == component.__name__)
    for node in ast.walk(owner):
        if not isinstance(node, ast.stmt) or hasattr(node, "body"):
            continue
        span = lines[node.lineno - 1 : node.end_lineno]
        if any(tag in tags_of(line) for line in span):
            if not isinstance(node, ast.Assign):
                raise UsageError(f"line ({tag}) of {component.__name__} is not an assignment: {span[0].strip()}")
            node.value = ast.BinOp(node.value, ast.Mult(), ast.Constant(factor))
            namespace = {**vars(module)}
            code = compile(ast.fix_missing_locations(tree), f"<{component.__name__} with ({tag}) scaled>", "exec")
            exec(code, namespace)
            return namespace[component.__name__]
    known = ", ".join(tagged_lines(component)) or "none"
    raise UsageError(f"{component.__name__} has no equation ({tag}); its tags: {known}")
