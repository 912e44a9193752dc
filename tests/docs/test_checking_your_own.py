"""The example of docs/guides/checking-your-own.md runs, and the checker says what the page says it says."""

import re
from pathlib import Path

import pytest

from minirnn import gradcheck
from minirnn.cli.gradcheck import explain

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "checking-your-own.md").read_text(encoding="utf-8")
EXAMPLE, WRONG_LINE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PROSE = " ".join(PAGE.split())


def _rows(tmp_path, code):
    path = tmp_path / "leaky_elman.py"
    path.write_text(code, encoding="utf-8")
    return [row for rows in gradcheck.check_file(path) for row in rows]


@pytest.fixture
def wrong_rows(tmp_path):
    """The example with the page's wrong line in the place of the line with the same tag."""
    (tag,) = re.findall(r"# (\(Y\d\))", WRONG_LINE)
    lines = EXAMPLE.splitlines(keepends=True)
    (place,) = [k for k, line in enumerate(lines) if f"# {tag}" in line]
    lines[place] = WRONG_LINE
    return {(row.example, row.parameter): row for row in _rows(tmp_path, "".join(lines))}


def test_the_example_passes(tmp_path):
    rows = _rows(tmp_path, EXAMPLE)
    assert {(row.component, row.parameter) for row in rows} == {("LeakyElman", name) for name in ("a", "h0", "W")}
    assert all(row.passed for row in rows)
    assert max(row.error for row in rows) < 1e-8


def test_the_wrong_line_gets_the_sentence_on_the_page(wrong_rows):
    row = wrong_rows["alpha 0.3", "h0"]
    assert not row.passed
    assert row.hint in PROSE
    assert row.hint.startswith("usual causes: a value used twice whose two gradients were not added")


def test_the_message_on_the_page_is_what_the_command_prints(wrong_rows):
    message = explain(wrong_rows["alpha 0.3", "h0"])
    number = r"-?\d+\.\d+(?:e[+-]\d+)?"
    pattern = "(.*?)".join(re.escape(part) for part in re.split(number, message))
    shown = re.search(pattern, PROSE)
    assert shown, message
    printed = [float(found) for found in re.findall(number, message)]
    assert [float(found) for found in re.findall(number, shown[0])] == pytest.approx(printed, rel=1e-6)


def test_the_wrong_line_is_right_where_its_term_vanishes(wrong_rows):
    assert {example for (example, _), row in wrong_rows.items() if row.passed} == {"alpha 1"}
    assert {name for (_, name), row in wrong_rows.items() if not row.passed} == {"a", "h0", "W"}


@pytest.mark.parametrize(
    ("right", "wrong", "parameter"),
    [
        ("H[:-1])  ", "H[:-1]).T", "W"),
        ("dW = outer_sum", "dW = -outer_sum", "W"),
        ("dW = outer_sum", "dW = 1.5 * outer_sum", "W"),
        ("dW = outer_sum", "dW = 0 * outer_sum", "W"),
    ],
)
def test_each_cause_named_on_the_page_is_what_the_checker_says(tmp_path, right, wrong, parameter):
    assert right in EXAMPLE
    rows = _rows(tmp_path, EXAMPLE.replace(right, wrong))
    hints = {row.hint for row in rows if not row.passed}
    assert {row.parameter for row in rows if not row.passed} == {parameter}
    assert all(f'"{hint}"' in PROSE for hint in hints)
