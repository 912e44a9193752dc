"""minirnn reproduce: a target run, judged and written down; a second time, only judged."""

import json

import pytest

from minirnn import reproduction
from minirnn.reproduction import target

pytest.importorskip("distributed", reason="sweeps need the extra minirnn[sweep]")

TINY = """
title = "A tiny experiment"
claim = "After 10 updates nothing has been learned."
source = "chu, Table 3"
metric = "test_best_accuracy"
[cases.tiny]
label = "a tiny network"
published = 0.1022
task = { name = "recall", length = 5 }
model = { name = "rnn", hidden_size = 4, embedding_size = 3 }
train = { batch_size = 4, steps = 10, evaluate_every = 5 }
[[accept]]
rule = "threshold"
case = "tiny"
below = 0.5
[scale.quick]
about = "10 updates"
seeds = 3
minutes = 0.1
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    (tmp_path / "targets/toys").mkdir(parents=True)
    (tmp_path / "targets/toys/tiny.toml").write_text(TINY)
    monkeypatch.setattr(target, "FOLDER", tmp_path / "targets")


def test_the_list_has_every_target_with_its_claim(minirnn):
    result = minirnn("reproduce", "--list")
    assert result.code == 0
    assert all(reproduction.find(name).claim in result.out for name in reproduction.names())
    assert json.loads(minirnn("reproduce", "--list", "--json").out).keys() == set(reproduction.names())


def test_a_target_is_run_once_and_judged_as_often_as_asked(minirnn, tiny, tmp_path):
    first = minirnn("reproduce", "toys/tiny", "--workers", 1)
    assert first.code == 0, first.err
    assert "toys/tiny: holds at this scale" in first.out
    assert "10.22 %" in first.out
    page = (tmp_path / "docs/results/toys/tiny.md").read_text()
    assert "**Verdict: holds at this scale.** Scale quick: 10 updates." in page
    assert "minirnn reproduce toys/tiny --scale quick --seeds 3" in page
    ledger = {p.name: p.read_bytes() for p in (tmp_path / "reproduced/toys/tiny-quick/ledger").glob("*.json")}
    assert len(ledger) == 3
    again = minirnn("reproduce", "toys/tiny", "--json", "--quiet", "--out", "elsewhere")
    (judged,) = json.loads(again.out)
    assert (again.code, judged["verdict"], len(judged["runs"])) == (0, "holds at this scale", 3)
    assert json.loads((tmp_path / "elsewhere/toys/tiny.json").read_text()) == judged
    assert {p.name: p.read_bytes() for p in (tmp_path / "reproduced/toys/tiny-quick/ledger").glob("*.json")} == ledger


@pytest.mark.parametrize(("words", "sentence"), [
    (("chu/tabel-3",), "did you mean 'chu/table-3'?"),
    (("chu/table-3", "--scale", "huge"), "'huge' is not one of"),
    (("chu/table-3", "--seeds", 0), "0 is not in the range"),
])
def test_a_mistake_is_exit_code_2_and_no_file(minirnn, tmp_path, words, sentence):
    result = minirnn("reproduce", *words)
    assert result.code == 2
    assert sentence in result.err
    assert list(tmp_path.iterdir()) == []


def test_the_findings_are_written_from_what_is_there_and_nothing_runs(minirnn, tiny, tmp_path):
    assert minirnn("reproduce", "toys/tiny", "--workers", 1, "--quiet").code == 0
    before = (tmp_path / "docs/results/toys/tiny.md").read_bytes()
    result = minirnn("reproduce", "--findings")
    assert result.code == 0, result.err
    assert "[toys/tiny](toys/tiny.md)" in (tmp_path / "docs/results/index.md").read_text()
    assert (tmp_path / "docs/results/toys/tiny.md").read_bytes() == before
    for words, sentence in ((("toys/tiny",), "leave targets"), (("--out", "none"), "there are no verdicts in none")):
        refused = minirnn("reproduce", "--findings", *words)
        assert (refused.code, sentence in refused.err) == (2, True)


def test_a_paper_stands_for_its_targets_that_have_the_scale(minirnn, tiny):
    result = minirnn("reproduce", "toys", "--scale", "paper", "--json")
    assert (result.code, result.out) == (0, "[]\n")
    assert "toys/tiny is left out: it has no scale paper" in result.err


def test_a_scale_that_a_target_does_not_have_is_refused(minirnn, tiny):
    result = minirnn("reproduce", "toys/tiny", "--scale", "paper")
    assert result.code == 2
    assert "toys/tiny has no scale paper; choose one of: quick" in result.err
