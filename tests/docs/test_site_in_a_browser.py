"""Every page of the site reads well in a browser, on a telephone, by day and by night; what does not is noticed."""

import importlib.util
from pathlib import Path

import browser
import pytest

pytestmark = pytest.mark.skipif(bool(browser.MISSING), reason=f"no {' and no '.join(browser.MISSING)} here")
NIGHT = "@media (prefers-color-scheme: dark)"


@pytest.fixture(scope="module")
def page():
    with browser.opened() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(site):
    with browser.served(site) as address:
        yield address


@pytest.fixture
def judged(page, tmp_path):
    """judged(body): the complaints about a small page with that body and with MathJax."""
    where = importlib.util.find_spec("sphinx-mathjax-offline")
    if where is None:
        pytest.skip("no sphinx-mathjax-offline here")
    mathjax = Path(where.submodule_search_locations[0]) / "static" / "mathjax"
    (tmp_path / "mathjax").symlink_to(mathjax, target_is_directory=True)

    def judge(body):
        head = '<meta charset="utf-8"><link rel="icon" href="data:,"><script defer src="mathjax/tex-chtml.js"></script>'
        (tmp_path / "page.html").write_text(f"<!doctype html>{head}<body>{body}</body>", encoding="utf-8")
        with browser.served(tmp_path) as address:
            return browser.complaints(page, f"{address}page.html", address)

    return judge


def test_every_page_reads_well(page, site, address):
    files = sorted(file.relative_to(site).as_posix() for file in site.rglob("*.html"))
    assert len(files) > 40
    assert {file: found for file in files if (found := browser.complaints(page, address + file, address))} == {}


@pytest.mark.parametrize(
    ("words", "result"),
    [
        ("cayley", "derivations/cayley.html"),                                  # a word of a title
        ("expmap", "derivations/expmap.html"),                                  # a name that no title has
        ("SpectralPrior", "derivations/regularizers.html"),                     # a class among others on its page
        ("one parametrization per gate", "derivations/stack.html"),             # words of a summary
        ("product phases reflections fourier", "derivations/unitary_product.html"),
    ],
)
def test_the_search_finds_a_component(page, address, words, result):
    page.goto(f"{address}search.html?q={words.replace(' ', '+')}")
    links = page.locator("ul.search li > a")
    links.first.wait_for()
    page.locator(".search-summary", has_text="matching the search query").wait_for()
    found = links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert result in [link.partition("#")[0] for link in found]


def test_a_page_that_reads_well_has_no_complaint(judged):
    assert judged(r'<p>Prose and <code>$x</code>, <span class="math">\(x^2\)</span>.</p>') == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (r'<span class="math">\(x^2^3\)</span>', "MathJax cannot read a formula: Double exponent"),
        (r'<span class="math">\(\frac{1\)</span>', "1 of 1 formulas are not set"),
        (r'<span class="math">\(\fracc{1}{2}\)</span>', "MathJax does not know a command"),
        ('<span class="math">x</span>', "1 of 1 formulas are not set"),
        ("<p>Costs $n^2$ steps.</p>", "a formula was not recognised"),
        ('<img src="http://example.invalid/x.png" width="9" height="9">', "asked for http://example.invalid/x.png"),
        ("<script>console.error('oh')</script>", "console: oh"),
        ("<script>nothing.at.all</script>", "script: nothing is not defined"),
        ('<div style="width: 500px">wide</div>', "pixels wide, the window 390"),
        ('<p style="overflow-x: hidden"><b style="display: block; width: 500px">cut</b></p>', "ends beyond the window"),
        (
            '<div style="overflow-x: auto"><article><p style="width: 500px">wide</p></article></div>',
            '<p class=""> ends beyond the window: wide',
        ),
        ('<p style="color: #999">grey on white</p>', "light: contrast 2.85"),
        (f"<style>{NIGHT} {{ body {{ background: #111 }} }}</style><p>night</p>", "dark: contrast"),
        (
            f"<style>{NIGHT} {{ body {{ background: #111; color: #eee }} mjx-container {{ color: black }} }}</style>"
            r'<p>night <span class="math">\(x\)</span></p>',
            "dark: contrast 1.11, 0,0,0,1 on 17,17,17,1: <mjx-container",
        ),
    ],
)
def test_what_does_not_read_well_is_noticed(judged, body, complaint):
    found = judged(body)
    assert any(complaint in one for one in found), found


def test_what_scrolls_in_a_box_of_its_own_is_no_complaint(judged):
    assert judged('<div style="overflow-x: auto"><p style="width: 500px">as wide as it needs to be</p></div>') == []
