"""minirnn report: where the page goes, and what a mistake is answered with."""

import sys

import pytest

pytest.importorskip("jinja2", reason="reports need the extra minirnn[report]")
pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

SHORT = ("--quiet", "--length", 6, "--hidden-size", 6, "--batch-size", 4, "--steps", 2)


def test_one_run_is_reported_into_its_folder_and_several_beside_them(minirnn, tmp_path):
    for seed in (0, 1):
        minirnn("run", "recall", *SHORT, "--seed", seed, "--dir", f"r{seed}")
    one, two = minirnn("report", "r0"), minirnn("report", "r0", "r1")
    assert (one.code, one.out) == (0, "r0/report.html\n")
    assert (two.code, two.out) == (0, "report.html\n")
    assert (tmp_path / "r0/report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("words", "said"), [
    (("absent",), "there is no folder absent"), (("a", "--out", "a.pdf"), "give it a name that ends in .html"),
    ((), "Missing argument"), (("a", "--out", "a/config.toml/x.html"), "cannot write"),
])
def test_a_mistake_is_one_sentence(minirnn, tmp_path, contents, words, said):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    before = contents(tmp_path)
    result = minirnn("report", *words)
    assert result.code == 2
    assert said in result.err
    assert contents(tmp_path) == before


def test_without_jinja_the_extra_is_named(minirnn, monkeypatch):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = minirnn("report", "a")
    assert result.code == 2
    assert "pip install 'minirnn[report]'" in result.err


def test_without_matplotlib_the_page_has_no_pictures_and_says_so(minirnn, monkeypatch, tmp_path):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = minirnn("report", "a")
    assert result.code == 0
    assert "pip install 'minirnn[plot]'" in result.err
    assert "<img" not in (tmp_path / "a/report.html").read_text()
