"""The site builds without a warning, holds every page and every component, and asks no other machine for anything."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from minirnn import catalog

DOCS = Path(__file__).parents[2] / "docs"
NEEDED = ("sphinx", "furo", "myst_parser", "sphinx-mathjax-offline")      # the last is a package, hyphens and all
MISSING = [name for name in NEEDED if find_spec(name) is None]
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']((?:https?:)?//[^\"']+)", re.IGNORECASE)
STYLED = re.compile(r"(?:@import\s+|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)", re.IGNORECASE)


def fetched(text):
    """The addresses on other machines that a browser would fetch to show the text; links to click on are none."""
    return LOADED.findall(text) + STYLED.findall(text)


@pytest.mark.skipif(bool(MISSING), reason=f"`make docs` installs what the site needs: no {', '.join(MISSING)} here")
def test_the_site_is_whole_and_needs_no_network(tmp_path):      # one test: each process of xdist would build anew
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", tmp_path / "doctrees", DOCS]
    site = tmp_path / "html"
    for time in ("first", "second"):
        built = subprocess.run([*command, site], capture_output=True, text=True, encoding="utf-8")
        assert built.returncode == 0, f"the {time} build: {built.stderr}"

    pages = {page.relative_to(DOCS) for page in DOCS.rglob("*.md") if "_build" not in page.parts}
    html = {file.relative_to(site): file.read_text(encoding="utf-8") for file in site.rglob("*.html")}
    assert {page.with_suffix(".html") for page in pages} <= set(html)

    styles = {file.relative_to(site): file.read_text(encoding="utf-8") for file in site.rglob("*.css")}
    assert {name: found for name, text in (html | styles).items() if (found := fetched(text))} == {}

    elman = html[Path("derivations/elman.html")]
    assert 'class="math' in elman
    script = re.search(r'<script[^>]*src="([^"]*mathjax/[^"]*\.js)', elman)
    assert script
    assert (site / "derivations" / script[1]).is_file()

    api = html[Path("api.html")]
    for kind in catalog.KINDS:
        for name in catalog.components(kind):
            component = catalog.find(kind, name)
            assert re.search(rf'id="minirnn\.[\w.]*\b{component.__name__}"', api), f"{name} is not in docs/api.md"
    assert "h̄_{t-1} = Wᴴ z̄_t                   (E4)" in re.sub("<[^>]+>", "", api)      # columns as in the source


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
