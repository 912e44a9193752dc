"""The site builds without a warning, holds every page and every component, and asks no other machine for anything."""

import inspect
import re
from pathlib import Path

import pytest

from minirnn import catalog

DOCS = Path(__file__).parents[2] / "docs"
EXPLAINED = (*catalog.CHECKED, "rules")
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']((?:https?:)?//[^\"']+)", re.IGNORECASE)
STYLED = re.compile(r"(?:@import\s+|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)
TAGGED = re.compile(r"\\text\{\(([A-Z]{1,2}\d{1,2})\)\}")


def fetched(text):
    """The addresses on other machines that a browser would fetch to show the text; links to click on are none."""
    return LOADED.findall(text) + STYLED.findall(text)


def pages():
    return [page.relative_to(DOCS) for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]


def read(site, page):
    return (site / page).with_suffix(".html").read_text(encoding="utf-8")


def test_the_site_builds_twice_in_a_row_without_a_word(builds):
    _, first, second = builds
    assert (first, second) == ("", "")


def test_the_site_has_every_page_and_needs_no_network(site):
    assert [page for page in pages() if not (site / page).with_suffix(".html").is_file()] == []
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert {file: found for file in files if (found := fetched(file.read_text(encoding="utf-8")))} == {}

    elman = read(site, "derivations/elman.md")
    assert 'class="math' in elman
    script = re.search(r'<script[^>]*src="([^"]*mathjax/[^"]*\.js)', elman)
    assert script
    assert (site / "derivations" / script[1]).is_file()


def test_the_interface_has_every_component_with_a_link_to_its_derivation(site):
    entries = re.split(r'(?=<dt class="sig sig-object py" id=")', read(site, "api.md"))
    for kind in catalog.KINDS:
        for component in catalog.components(kind).values():
            found = [entry for entry in entries if re.match(rf'<dt [^>]*id="[\w.]*\b{component.__name__}"', entry)]
            assert found, f"{component.__name__} is not in docs/api.md"
            for page in re.findall(r"docs/(derivations/\w+)\.md", inspect.getdoc(component) or ""):
                assert any(f'href="{page}.html"' in entry for entry in found), component.__name__
    text = re.sub("<[^>]+>", "", "".join(entries))
    assert "h̄_{t-1} = Wᴴ z̄_t                   (E4)" in text      # columns as in the source


@pytest.mark.parametrize(
    ("name", "component"),
    [pair for kind in EXPLAINED if kind != "models" for pair in catalog.components(kind).items()],
)
def test_a_docstring_names_the_derivation(name, component):
    assert re.search(r"docs/derivations/\w+\.md", inspect.getdoc(component)), f"add `Derivation: ...` to {name}"


def test_every_equation_has_one_anchor_and_every_link_to_one_leads_there(site):
    anchors = {page: re.findall(r'\bid="(eq-\w+)"', read(site, page)) for page in pages()}
    for page, found in anchors.items():
        assert len(found) == len(set(found)), page
        shown = {f"eq-{tag}" for tag in TAGGED.findall((DOCS / page).read_text(encoding="utf-8"))}
        assert shown <= set(found), page
        for target, name in re.findall(r'href="([^"#]*)#(eq-\w+)"', read(site, page)):
            there = (site / page).parent / target if target else (site / page).with_suffix(".html")
            assert name in anchors[there.resolve().relative_to(site.resolve()).with_suffix(".md")], (page, target)
    assert sum(map(len, anchors.values())) > 150


@pytest.mark.parametrize(
    "text",
    [
        '<script defer="defer" src="https://example.org/mathjax.js">',
        "<link rel='stylesheet' href='//example.org/style.css'>",
        "<style>@font-face { src: url('https://example.org/font.woff') }</style>",
        '@import "http://example.org/style.css";',
    ],
)
def test_what_another_machine_would_serve_is_noticed(text):
    assert len(fetched(text)) == 1


def test_a_link_to_click_on_fetches_nothing():
    assert fetched('<a href="https://example.org"> <script src="_static/doctools.js">') == []
