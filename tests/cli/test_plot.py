"""minirnn plot: where pictures go, what is said, and the papers' figures made from nothing."""

import pytest

from minirnn import catalog, config, figures
from minirnn.figures.vorontsov_figure_3 import VorontsovFigure3
from minirnn.runs import Run

pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

SHORT = ("--quiet", "--length", 6, "--hidden-size", 6, "--batch-size", 4, "--steps", 2)


def test_one_run_is_drawn_into_its_folder_and_several_beside_them(minirnn, tmp_path):
    for seed in (0, 1):
        assert minirnn("run", "recall", *SHORT, "--seed", seed, "--dir", f"r{seed}").code == 0
    one, two = minirnn("plot", "r0", "--kind", "comparison"), minirnn("plot", "r0", "r1", "--kind", "comparison")
    assert (one.code, one.out, one.err) == (0, "r0/comparison.png\n", "")
    assert (two.code, two.out) == (0, "comparison.png\n")
    assert (tmp_path / "r0/comparison.png").read_bytes().startswith(b"\x89PNG")


def test_svg_is_written_where_the_name_says_so(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    assert minirnn("plot", "a", "--out", "new/folder/a.SVG").code == 0
    assert b"<svg" in (tmp_path / "new/folder/a.SVG").read_bytes()


def test_what_is_missing_is_said_once_and_the_rest_is_drawn(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    (tmp_path / "empty").mkdir()
    result = minirnn("plot", "a", "empty", "absent", "--out", "a.png")
    assert result.code == 0
    assert result.err.count("missing: ") == 2
    assert "empty is not the folder of a run" in result.err
    assert "there is no folder absent" in result.err


@pytest.mark.parametrize(("words", "said"), [
    (("a", "--kind", "curve"), "there is no figure 'curve'; did you mean 'curves'?"),
    (("a", "--out", "a.jpg"), "written as .png or .svg"),
    (("a", "--kind", "gradient-flow"), "train with --watch gradient-flow"),
    (("a", "--kind", "spectrum", "--layer", "rnn.7"), "no layer 'rnn.7'; choose one of: rnn.0"),
    (("a", "--train"), "--train belongs to a paper's figure"),
    (("absent",), "there is no folder absent"),
    (("a", "--out", "a/config.toml/x.png"), "cannot write"),
    ((), "--kind curves draws runs"),
    (("--kind", "vorontsov-figure-3"), "add --train to make them"),
])
def test_a_mistake_is_one_sentence_and_leaves_the_run_as_it_was(minirnn, tmp_path, contents, words, said):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    before = contents(tmp_path)
    result = minirnn("plot", *words)
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("Error: ")
    assert said in result.err.splitlines()[-1]
    assert contents(tmp_path) == before


def test_the_list_names_every_kind(minirnn):
    out = minirnn("plot", "--list").out
    assert all(kind in out for kind in catalog.components("figures"))


def test_a_papers_figure_trains_what_is_missing_and_goes_on_with_what_was_cut_short(minirnn, tmp_path, monkeypatch):
    short = " ".join(map(str, SHORT))
    recipe = {"a": f"recall {short} --watch spectrum", "b": f"recall {short} --watch spectrum --seed 1"}
    monkeypatch.setattr(VorontsovFigure3, "recipe", recipe)
    refused = minirnn("plot", "--kind", "vorontsov-figure-3")
    assert "minirnn run recall --quiet" in refused.err
    cut = {"task": {"name": "recall", "length": 6}, "train": {"steps": 2, "watch": ["spectrum"]}}
    settings, task = config.resolve(cut)
    Run.create(tmp_path / "runs/vorontsov-figure-3/b", settings, task)
    first = minirnn("plot", "--kind", "vorontsov-figure-3", "--train", "--out", "f.png")
    assert first.code == 0
    assert "minirnn run --resume runs/vorontsov-figure-3/b" in first.err
    assert (tmp_path / "f.png").is_file()
    again = minirnn("plot", "--kind", "vorontsov-figure-3", "--train", "--out", "f.png")
    assert again.err.count("is there already") == 2


def test_without_matplotlib_the_extra_is_named(minirnn, monkeypatch):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    result = minirnn("plot", "a")
    assert result.code == 2
    assert "pip install 'minirnn[plot]'" in result.err
    assert figures.available()
