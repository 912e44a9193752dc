"""The report in a real browser: no errors, no requests, no sideways scrolling on a telephone, dark and printed."""

import pytest
from browser import CHROMIUM, MISSING

from minirnn.cli import _run

pytest.importorskip("jinja2", reason="reports need the extra minirnn[report]")
pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)} here")
SHORT = ("--length", 6, "--hidden-size", 6, "--batch-size", 4, "--steps", 4, "--evaluate-every", 2, "--quiet")


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """A page of two runs, one of them in a folder whose name is an attack."""
    root = tmp_path_factory.mktemp("runs")
    names = ("plain", "<script>document.title='harm'<")
    for seed, name in enumerate(names):
        words = ("run", "recall", *SHORT, "--watch", "gradient-flow,spectrum", "--seed", seed, "--dir", root / name)
        assert _run([str(word) for word in words]) == 0
    assert _run(["report", *(str(root / name) for name in names), "--out", str(root / "report.html")]) == 0
    return root / "report.html"


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def opened(chromium, html):
    """opened(width, scheme) -> (page, what the console said, what was requested)."""
    contexts = []

    def open_page(width, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        contexts.append(context)
        page, said, asked = context.new_page(), [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(html.as_uri())
        return page, said, asked

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_a_page_asks_nobody_for_anything_and_never_scrolls_sideways(opened, html, width):
    page, said, asked = opened(width)
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [html.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_picture_is_shown_with_words_for_those_who_do_not_see_it(opened):
    page, _, _ = opened(1280)
    sizes = page.evaluate("[...document.images].map(i => [i.complete, i.naturalWidth, i.alt.length])")
    assert len(sizes) >= 10
    assert all(complete and wide > 100 and words > 10 for complete, wide, words in sizes)


def test_a_telephone_gets_pictures_of_its_own(opened):
    wide, narrow = (opened(width)[0].evaluate("document.images[0].currentSrc.length") for width in (1280, 390))
    assert wide != narrow


def test_dark_pages_have_light_text(opened):
    look = "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor] })()"
    dark, light = opened(390, "dark")[0].evaluate(look), opened(390, "light")[0].evaluate(look)
    assert dark != light
    assert _lightness(dark[0]) > 200 > 60 > _lightness(dark[1])
    assert _lightness(light[0]) < 60 < 200 < _lightness(light[1])


def test_a_folders_name_is_text_and_nothing_else(opened):
    page, _, _ = opened(390)
    assert page.title() == "2 runs: minirnn report"
    assert page.locator("script").count() == 0
    assert page.get_by_text("<script>document.title='harm'<").count() >= 1


def test_it_prints(opened):
    page, _, _ = opened(1280)
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(printed) > 20_000


def _lightness(colour):
    numbers = [float(x) for x in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    return sum(numbers) / 3
