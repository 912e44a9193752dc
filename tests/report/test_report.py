"""The report: what it says about whole, unfinished and damaged runs, and that no name or text can do harm."""

import re
import shutil
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2", reason="reports need the extra minirnn[report]")
pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

from minirnn.cli import _run
from minirnn.errors import UsageError
from minirnn.report import contents, pictures, write
from minirnn.report.page import render
from minirnn.saved_run import SavedRun

SHORT = ("--length", 6, "--hidden-size", 6, "--batch-size", 4, "--steps", 4, "--evaluate-every", 2, "--quiet")


def train(folder, *words):
    assert _run([str(word) for word in ("run", *words, "--dir", folder)]) == 0
    return SavedRun(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "whole", "recall", *SHORT, "--watch", "gradient-flow,spectrum")


@pytest.fixture(scope="module")
def from_preset(tmp_path_factory):
    size = ("--set", "model.hidden_size=6", "--set", "train.batch_size=4", "--steps", 2, "--quiet")
    words = ("--preset", "chu-table-3/urnn-20", "--scale", "quick", *size)
    return train(tmp_path_factory.mktemp("runs") / "preset", *words)


@pytest.fixture
def copied(whole, tmp_path):
    return shutil.copytree(whole.folder, tmp_path / "run")


class Outline(HTMLParser):
    """The tags that are open at the end, all tags with their attributes, and the text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def says(self, text):
        return text in " ".join(" ".join(self.text).split())


def page(*runs):
    html, notes = render(list(runs))
    return Outline(html), notes


# -- what it says ------------------------------------------------------------------------------------------------------


def test_every_tag_is_closed_and_nothing_comes_from_elsewhere(whole, from_preset):
    outline, _ = page(whole, from_preset)
    assert outline.open == []
    assert not any(tag in ("script", "iframe", "object", "embed", "base") for tag, _ in outline.tags)
    for _, attrs in outline.tags:
        for name in ("src", "srcset", "href"):
            assert attrs.get(name, "data:").startswith(("data:", "#run-"))
        assert not any(name.startswith("on") for name in attrs)


def test_outcome_stands_beside_the_baseline_and_the_published_number(from_preset):
    found = contents.results(from_preset)
    assert found["without memory"]["accuracy"] == pytest.approx(0.1)
    assert found["published"]["accuracy"] == pytest.approx(0.9998)
    outline, _ = page(from_preset)
    assert outline.says("99.98 %")
    assert outline.says("published, at full scale")
    assert outline.says("chu-table-3/urnn-20")


def test_the_parameter_table_has_every_parameter_and_their_sum(whole):
    table = contents.parameters(whole)
    model = whole.trainer.model
    assert [row[0] for row in table["rows"]] == list(model.params)
    assert sum(int(row[2].replace(",", "")) for row in table["rows"]) == model.size
    assert table["total"] == f"{model.size:,}"


def test_the_equations_are_those_of_the_models_own_parts(whole):
    names = [(part["kind"], part["name"]) for part in contents.equations(whole)]
    assert names[0] == ("model", "urnn-exp")
    assert {("cell", "elman"), ("activation", "abs"), ("parametrization", "expmap")} <= set(names)
    outline, _ = page(whole)
    assert outline.says("z_t = a_t + W h_{t-1}")


def test_the_commands_that_run_it_again_run(whole, tmp_path, monkeypatch):
    (line,) = [line for _, line in contents.again(whole) if "--config" in line]
    words = line.replace("NEW", str(tmp_path / "again")).split()
    assert _run([*words[1:], "--quiet"]) == 0


def test_pictures_are_those_that_the_run_allows(whole, from_preset):
    assert [p.kind for p in pictures.of_run(whole)[0]] == [
        "curves", "task-example", "spectrum", "gradient-flow", "jacobian",
    ]
    assert [p.kind for p in pictures.of_run(from_preset)[0]] == ["curves", "task-example", "spectrum", "jacobian"]


def test_exact_jacobians_that_take_long_are_left_out_and_named(whole, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", 0)
    drawn, notes = pictures.of_run(whole)
    assert "jacobian" not in [p.kind for p in drawn]
    assert any("--kind jacobian" in note for note in notes)


def test_several_runs_start_with_a_comparison_that_links_to_each(whole, from_preset):
    outline, _ = page(whole, from_preset)
    links = [attrs["href"] for tag, attrs in outline.tags if tag == "a"]
    anchors = ["#" + attrs["id"] for tag, attrs in outline.tags if tag == "section"]
    assert links == anchors == ["#run-0", "#run-1"]


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gone", "said"), [
    (["checkpoint.npz", "best.npz"], "the equations"), (["metrics.jsonl"], "the metrics"),
    (["config.toml"], "the configuration"), (["metrics.jsonl", "checkpoint.npz", "best.npz"], "the metrics"),
])
def test_a_damaged_run_gives_a_page_that_says_what_is_missing(copied, gone, said):
    for name in gone:
        (copied / name).unlink()
    outline, notes = page(SavedRun(copied))
    assert outline.open == []
    assert any(said in note for note in notes)
    assert outline.says("Missing")


def test_an_unfinished_run_says_how_far_it_is_and_how_to_go_on(tmp_path):
    from minirnn import config
    from minirnn.runs import Run

    settings, task = config.resolve({"task": {"name": "recall", "length": 6}, "train": {"steps": 7}})
    Run.create(tmp_path / "new", settings, task)
    outline, _ = page(SavedRun(tmp_path / "new"))
    assert outline.says("unfinished: 0 of 7 updates")
    assert outline.says("minirnn run --resume")
    assert outline.says("Nothing has been measured yet.")


def test_the_parameters_are_listed_from_the_checkpoint_where_the_task_cannot_be_made(copied):
    text = (copied / "config.toml").read_text().replace("length = 6", "length = -1")
    (copied / "config.toml").write_text(text)
    table = contents.parameters(SavedRun(copied))
    assert "rnn.0.W.A" in [row[0] for row in table["rows"]]


# -- harm --------------------------------------------------------------------------------------------------------------


def test_names_and_texts_are_escaped(copied, tmp_path):
    attack = "<script>alert('x')<\u2215script>\"&'<img src=x onerror=y>"
    folder = shutil.copytree(copied, tmp_path / attack)
    text = (folder / "config.toml").read_text()
    (folder / "config.toml").write_text(text.replace("[run]", '[run]\npreset = "</pre><script>alert(1)</script>"')
                                        .replace('preset = ""\n', ""))
    html, _ = render([SavedRun(folder)])
    assert "<script" not in html
    assert not re.search(r"<img[^>]+onerror", html)
    assert "&lt;script&gt;" in html


def test_a_page_is_written_whole_or_not_at_all(whole, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write([whole], tmp_path / "file" / "report.html")
    assert write([whole], tmp_path / "new" / "report.html") == []
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["report.html"]
