"""Names and texts of runs are shown as they are: none becomes markup of a page, of a picture, or of the terminal."""

import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest
from promises import some

pytest.importorskip("jinja2", reason="reports need the extra minirnn[report]")
pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

from minirnn import figures
from minirnn.cli import _run
from minirnn.report import pictures
from minirnn.report.page import render
from minirnn.saved_run import SavedRun

TEXTS = (
    "<script>alert(1)<\u2215script>", "<img src=x onerror=alert(1)>", "\"'><svg onload=alert(1)>", "</title><b>",
    "&lt;b&gt;", "{{ 7 * 7 }}", "{% raw %}", "<!--", "]]>", "javascript:alert(1)", "[red]a[/b]", "[/]",
    "[link=x]a[/link]", "$x^{2", "\\frac", "_hidden", "a\u202eb", "a\x1b[31mb", "%s%n", "a&b",
)
RUN = ("run", "recall", "--length", 5, "--model", "rnn", "--hidden-size", 4, "--embedding-size", 3, "--steps", 4,
       "--evaluate-every", 2, "--batch-size", 4, "--quiet")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "plain"
    assert _run([*map(str, RUN), "--dir", str(folder)]) == 0
    return folder


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch):
    monkeypatch.setattr(pictures, "of", lambda runs, kinds: ([], []))


class Outline(HTMLParser):
    """The tags of a page with the names of their attributes, and where links go."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.text += data


def with_text(plain, here, text):
    """A run whose folder, task, model, preset and metrics say a text."""
    folder = shutil.copytree(plain, here / text.replace("/", "\u2215"))
    for path in (folder / "config.toml", folder / "metrics.jsonl"):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        content = path.read_text().replace('preset = ""', f'preset = "{quoted}"')
        path.write_text(content.replace('"parameters": "last"', f'"parameters": "{quoted}"'))
    return SavedRun(folder)


def assert_only_text(plain, run, text):
    wanted, found = (Outline(render([r])[0]) for r in (SavedRun(plain), run))
    extra = [tag for tag in found.tags if tag not in wanted.tags]
    assert [tag for tag, _ in extra if tag in ("script", "img", "svg", "b", "iframe", "object", "link", "style")] == []
    assert all(not name.startswith("on") for _, names in found.tags for name in names)
    assert all(link.startswith("#") or link in wanted.links for link in found.links)
    assert found.text.count(run.name) > wanted.text.count(run.name)


@pytest.mark.promise("escaped")
@pytest.mark.parametrize("text", some(TEXTS, short=3))
def test_a_report_shows_every_name_and_text_as_text(plain, tmp_path, text):
    assert_only_text(plain, with_text(plain, tmp_path, text), text)


@pytest.mark.control("escaped")
def test_a_title_that_is_not_escaped_is_noticed(plain, tmp_path, monkeypatch):
    import jinja2

    Environment = jinja2.Environment
    monkeypatch.setattr(jinja2, "Environment", lambda autoescape, **options: Environment(autoescape=False, **options))
    with pytest.raises(AssertionError):
        assert_only_text(plain, with_text(plain, tmp_path, TEXTS[1]), TEXTS[1])


@pytest.mark.promise("escaped")
@pytest.mark.parametrize("text", some(TEXTS, short=1))
def test_a_picture_shows_every_name_as_text(plain, tmp_path, text):
    path = tmp_path / "x.svg"
    other = shutil.copytree(plain, tmp_path / "other")
    figures.draw("comparison", [with_text(plain, tmp_path, text), SavedRun(other)], path)
    root = ElementTree.parse(path).getroot()                        # well-formed, then
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not tags & {"script", "image", "foreignObject"}
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)


@pytest.mark.promise("escaped")
@pytest.mark.parametrize("text", some(TEXTS[10:] + TEXTS[:10], short=1))
def test_the_terminal_shows_the_name_of_a_folder_as_it_is(plain, tmp_path, capsys, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    folder = text.replace("/", "\u2215")
    assert _run([*map(str, RUN), "--dir", folder]) == 0
    assert f"Written to {folder}" in capsys.readouterr().out
    for words in (("evaluate", folder), ("inspect", folder, "--only", "spectrum"), ("report", folder)):
        assert _run([str(word) for word in words]) == 0
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.control("escaped")
def test_a_name_that_the_terminal_reads_as_markup_is_noticed(capsys):
    from rich.console import Console
    from rich.errors import MarkupError

    with pytest.raises((AssertionError, MarkupError)):
        Console().print("Written to [red]a[/b]")
