"""Every letter of the formulas on a derivation page is in the notation tables of docs/conventions.md."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "derivations").glob("*.md"))
TABLES = (DOCS / "conventions.md").read_text(encoding="utf-8").partition("## Shapes and order")[0]
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]+\$", re.DOTALL)
WORD = re.compile(r"\\(?:text|operatorname|mathrm|texttt|begin|end)\*?\{[^{}]*\}")
GREEK = re.compile(
    r"\\(?:alpha|beta|gamma|delta|(?:var)?epsilon|zeta|eta|(?:var)?theta|kappa|lambda|mu|nu|xi|rho|sigma|tau|(?:var)?phi"
    r"|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)(?![A-Za-z])"
)
LATIN = re.compile(r"\\[A-Za-z]+|([A-Za-z])")


def letters(text):
    """The letters of all formulas of a text: Latin ones, and Greek ones by their command."""
    found = set()
    for formula in FORMULA.findall(CODE.sub("", text)):
        formula = WORD.sub(" ", formula)
        found |= set(GREEK.findall(formula)) | set(LATIN.findall(formula)) - {""}
    return found


def listed(tables, page):
    """The letters in the first column of the rows for every page, and of those that link to this one."""
    found = set()
    for row in tables.splitlines():
        links = re.findall(r"\]\(derivations/(\w+)\.md\)", row)
        if row.startswith("| ") and (not links or page in links):
            found |= letters(row.split(" | ")[0])
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_letter_is_in_the_notation_tables(page):
    missing = letters(page.read_text(encoding="utf-8")) - listed(TABLES, page.stem)
    assert not missing, f"add {sorted(missing)} of {page.stem} to the tables in docs/conventions.md, or use its letters"


def test_a_letter_that_no_table_has_is_noticed():
    assert letters(r"`$q$` $$\bar\zeta = W x \text{ for } \operatorname{Re}$$") == {r"\zeta", "W", "x"}
    assert not {r"\zeta", r"\alpha"} & listed(TABLES, "elman")
    assert r"\alpha" in listed(TABLES, "prelu")
