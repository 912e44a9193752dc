"""On the site a mention of an equation leads to it, and one that leads nowhere stops the build."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
CONF = f"""
import sys
sys.path.insert(0, {str(DOCS)!r})
extensions = ["myst_parser", "sphinx.ext.mathjax", "equations"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
"""
INDEX = "# Pages\n\n```{toctree}\n:glob:\n*\n```\n"
FORMULA = "$$\ny = x \\qquad \\text{(A1)}\n$$\n"


@pytest.fixture
def built(build, tmp_path):
    """built(name=text): {name: html} of a small site of these pages, and what the build said."""

    def make(**pages):
        source, html = tmp_path / "source", tmp_path / "html"
        source.mkdir()
        (source / "conf.py").write_text(CONF, encoding="utf-8")
        for name, text in {"index": INDEX, **pages}.items():
            (source / f"{name}.md").write_text(text, encoding="utf-8")
        said = build(source, html)
        return {name: (html / f"{name}.html").read_text(encoding="utf-8") for name in pages}, said

    return make


def test_mentions_lead_to_anchors_on_the_page_and_beyond(built):
    pages, said = built(
        here=f"# Here\n\n**(A1) comes** below, and `(A1)` is code.\n\n{FORMULA}\nThe table has (A2).\n\n"
        "| name | equation |\n|---|---|\n| z | $z = y$ (A2) |\n\nBy (A2) and [above](#eq-A1), done.\n\n"
        "```python\nz = y    # (A2)\n```\n\n```python\nw = z    # (A3)\n```\n\n(A3) is only in code.\n",
        there="# There\n\nSee [(A1)](here.md#eq-A1) of [the other page](here.md).\n",
    )
    assert said == ""
    here = pages["here"]
    assert re.findall(r'\bid="(eq-\w+)"', here) == ["eq-A1", "eq-A2", "eq-A3"]
    assert re.findall(r'href="#(eq-\w+)">', here) == ["eq-A1", "eq-A2", "eq-A2", "eq-A1", "eq-A3"]
    assert here.index('id="eq-A1"') < here.index(r"\text{(A1)}")
    assert 'href="here.html#eq-A1"' in pages["there"]
    assert '<span class="pre">(A1)</span>' in here


def test_a_mention_of_an_equation_of_another_page_must_be_a_link(built):
    _, said = built(here=f"# Here\n\n{FORMULA}\nIt is (B7) again.\n")
    assert "(B7) is no equation of this page; if it is another's, write [(B7)](page.md#eq-B7)" in said
    assert "here.md:" in said


def test_a_link_to_an_equation_that_is_not_there_stops_the_build(built):
    _, said = built(here=f"# Here\n\n{FORMULA}\n", there="# There\n\n[(A9)](here.md#eq-A9) and [(A1)](#eq-A1)\n")
    assert "eq-A9" in said
    assert "eq-A1" in said


def test_a_tag_at_two_formulas_stops_the_build(built):
    _, said = built(here=f"# Here\n\n{FORMULA}\nand\n\n{FORMULA}")
    assert "(A1) stands at two formulas of this page; a tag names one" in said


def test_headings_stay_as_they_are(built):
    pages, said = built(here=f"# Here\n\n## Why (A1) holds\n\n{FORMULA}")
    assert said == ""
    assert "<h2>Why (A1) holds" in pages["here"]
