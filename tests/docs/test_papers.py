"""The map of the papers leads to every system, preset and erratum there is."""

import re
from pathlib import Path

import pytest

from minirnn import catalog, errata, reproduction

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")
ONE_BY_ONE = PAGE.partition("## One by one")[2].partition("\n## ")[0]
SECTIONS = [" ".join(text.split()) for text in ONE_BY_ONE.split("\n### ")[1:]]
KEYS = {"chu", "vorontsov2017", "dorobantu2016", "arjovsky2016", "wisdom2016", "helfrich2018", "sengupta2018",
        "vankeirsbilck2019"}


def key_of(section):
    """The paper that a section is about: the first key in brackets."""
    return re.search(r"\[(\w+)\](?!\()", section)[1]


def test_each_paper_that_is_implemented_has_its_section():
    assert {key_of(section) for section in SECTIONS} == KEYS


def test_every_system_is_on_the_map():
    systems = set(catalog.components("models")) - {"network"}       # a free composition, of no paper
    assert {name for name in systems if not re.search(rf"\b{name}\b", PAGE)} == set()


def test_every_preset_stands_under_its_paper():
    for preset in (ROOT / "tasks" / "presets").glob("*.toml"):
        (source,) = re.findall(r'^source = "(\w+)', preset.read_text(encoding="utf-8"), re.MULTILINE)
        (section,) = [section for section in SECTIONS if key_of(section) == source]
        assert f"`{preset.stem}`" in section, preset.stem


@pytest.mark.parametrize("section", SECTIONS, ids=key_of)
def test_a_section_leads_to_the_errata_about_its_paper_if_there_are_any(section):
    key = key_of(section)
    assert (f"`minirnn errata {key}`" in section) == any(key in erratum.papers for erratum in errata.ERRATA)


@pytest.mark.parametrize("section", SECTIONS, ids=key_of)
def test_each_section_says_what_is_claimed_meant_and_where_it_is(section):
    assert all(f"*{word}*:" in section for word in ("Claims", "Idea", "Here", "Next to it"))
    idea = section.partition("*Idea*:")[2].partition("*Here*:")[0]
    assert len(re.findall(r"\.(?: |$)", idea.strip())) == 2, "the idea, in two sentences"


@pytest.mark.parametrize("paper", reproduction.papers())
def test_each_paper_with_targets_says_how_to_run_them(paper):
    keys = {target.source.partition(",")[0] for target in reproduction.select([paper])}
    (section,) = [section for section in SECTIONS if key_of(section) in keys]
    assert f"`minirnn reproduce {paper}`" in section
