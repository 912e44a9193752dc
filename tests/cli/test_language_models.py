"""minirnn generate and minirnn evaluate on saved runs: what they print, and what they refuse, touching no file."""

import json
from pathlib import Path

import numpy as np
import pytest
from sentences import SENTENCES, write

from minirnn import checkpoint
from minirnn.tasks.ptb_word import PtbWord

SHORT = ("--quiet", "--model", "lstm", "--hidden-size", 6, "--embedding-size", 5, "--batch-size", 3)


def language_models(minirnn):
    write(Path("text"))
    common = (*SHORT, "--steps", 6, "--evaluate-every", 2)
    data = ("--data-dir", "text")
    minirnn("run", "ptb-word", *common, *data, "--dir", "words", "--window", 4)
    minirnn("run", "ptb-char", *common, *data, "--dir", "characters")
    minirnn("run", "ptb-char", *common, *data, "--dir", "ends", "--set", "task.end=true")
    minirnn("run", "recall", *common, "--dir", "recall", "--length", 6)


@pytest.fixture
def runs(copied, tmp_path):
    """Saved runs "words", "characters", "ends" and "recall", and the text they were trained on, in "text"."""
    copied(language_models)
    return tmp_path


def test_words_follow_a_prompt(minirnn, runs):
    result = minirnn("generate", "words", "--prompt", "the cat", "--length", 20, "--json")
    assert result.code == 0
    known = set(PtbWord(data_dir=runs / "text").vocabulary.symbols)
    report = json.loads(result.out)
    assert report["prompt"] == "the cat"
    assert set(report["text"].split()) <= known
    printed = minirnn("generate", "words", "--prompt", "the cat", "--length", 20).out
    assert printed.startswith("the cat")
    assert printed.split() == ["the", "cat", *report["text"].split()]


def test_characters_follow_a_prompt(minirnn, runs):
    result = minirnn("generate", "characters", "--prompt", "the c", "--length", 20)
    assert result.out.startswith("the c")
    assert len(result.out) == 5 + 20 + 1


def test_a_model_that_knows_where_a_sentence_ends_stops_there(minirnn, runs):
    command = ("generate", "ends", "--prompt", "a", "--length", 200, "--json")
    texts = [json.loads(minirnn(*command, "--seed", seed).out)["text"] for seed in range(3)]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in texts)


def test_a_model_of_words_needs_no_prompt(minirnn, runs):
    assert minirnn("generate", "words", "--length", 5).code == 0


def test_unknown_words_are_reported_once_and_read_as_unk(minirnn, runs):
    result = minirnn("generate", "words", "--prompt", "the zebra saw zebra", "--greedy", "--length", 5, "--json")
    assert "read as <unk>: the words 'zebra'\n" in result.err
    known = minirnn("generate", "words", "--prompt", "the <unk> saw <unk>", "--greedy", "--length", 5, "--json")
    assert known.err == ""
    assert json.loads(result.out)["text"] == json.loads(known.out)["text"]


def test_unknown_characters_are_reported_and_left_out(minirnn, runs):
    result = minirnn("generate", "characters", "--prompt", "thXe", "--greedy", "--length", 5, "--json")
    assert "left out: the characters 'X'" in result.err
    known = minirnn("generate", "characters", "--prompt", "the", "--greedy", "--length", 5, "--json")
    assert json.loads(result.out)["text"] == json.loads(known.out)["text"]


def test_the_seed_decides_and_greedy_needs_none(minirnn, runs):
    def text(*words):
        return minirnn("generate", "words", "--length", 30, *words).out

    assert text("--seed", 1) == text("--seed", 1) != text("--seed", 2)
    assert text("--greedy", "--seed", 1) == text("--greedy", "--seed", 2) == text("--top-k", 1, "--seed", 3)


def test_evaluation_gives_the_numbers_the_run_reported(minirnn, tmp_path):
    options = (*SHORT, "--length", 6, "--steps", 6, "--evaluate-every", 4, "--lr", 0.1)
    report = json.loads(minirnn("run", "recall", *options, "--dir", "a", "--json").out)
    assert report["tested_step"] == 4
    best, latest = (json.loads(minirnn("evaluate", "a", "--checkpoint", which, "--json").out) for which in
                    ("best", "latest"))
    assert (best["step"], latest["step"]) == (4, 6)
    assert best["test"] == report["test"]
    assert latest["test"] == report["test_last"]
    valid = json.loads(minirnn("evaluate", "a", "--split", "valid", "--json").out)
    assert valid["checkpoint"] == "best"
    assert {k: valid["valid"][k] for k in report["valid"]} == report["valid"]
    assert valid["baseline"]["accuracy"] == 0.1


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_every_split_can_be_evaluated(minirnn, runs, split):
    result = minirnn("evaluate", "words", "--split", split)
    assert result.code == 0
    assert "perplexity" in result.out
    assert "without memory" in result.out


def test_a_run_without_a_judged_validation_has_a_latest_checkpoint_only(minirnn, contents, tmp_path):
    minirnn("run", "recall", *SHORT, "--length", 6, "--steps", 3, "--dir", "a")
    before = contents(tmp_path)
    assert json.loads(minirnn("evaluate", "a", "--json").out)["checkpoint"] == "latest"
    result = minirnn("evaluate", "a", "--checkpoint", "best")
    assert result.code == 2
    assert "a has no best.npz" in result.err
    assert contents(tmp_path) == before


MISTAKES = {
    "no run": (("generate", "nowhere"), "nowhere is not the folder of a run"),
    "evaluate no run": (("evaluate", "nowhere"), "nowhere is not the folder of a run"),
    "no text": (("generate", "recall"), "recall was trained on recall, which is no text; give a run of ptb-char"),
    "empty prompt": (("generate", "characters"), "there is nothing to go on from"),
    "unreadable prompt": (("generate", "characters", "--prompt", "XYZ"), "there is nothing to go on from"),
    "length 0": (("generate", "words", "--length", 0), "--length must be at least 1 (got 0)"),
    "temperature 0": (("generate", "words", "--temperature", 0), "temperature must be positive and finite (got 0.0)"),
    "top-k 0": (("generate", "words", "--top-k", 0), "--top-k must be at least 1 (got 0)"),
    "top-k too large": (("generate", "words", "--top-k", 99), "--top-k must be at most the vocabulary's size, 15"),
    "greedy and temperature": (("generate", "words", "--greedy", "--temperature", 1), "--greedy always takes"),
    "negative seed": (("generate", "words", "--seed", -1), "seed must be zero or positive (got -1)"),
    "unknown split": (("evaluate", "words", "--split", "dev"), "'train', 'valid', 'test'"),
    "unknown checkpoint": (("evaluate", "words", "--checkpoint", "last"), "'best', 'latest'"),
    "unknown backend": (("evaluate", "words", "--backend", "cuda"), "numpy, cupy, auto"),
    "data gone": (("evaluate", "words", "--data-dir", "gone"), "ptb.train.txt"),
}


def test_a_mistake_is_one_sentence_with_exit_code_2_and_no_file_changes(minirnn, runs, contents):
    before = contents(runs)
    for label, (words, sentence) in MISTAKES.items():
        result = minirnn(*words)
        assert result.code == 2, label
        assert sentence in result.err, label
        assert "Traceback" not in result.err, label
        assert result.out == "", label
    assert contents(runs) == before


@pytest.mark.parametrize(
    "words", [["generate", "words"], ["evaluate", "words"], ["run", "--steps", 9, "--resume", "words"]],
    ids=["generate", "evaluate", "resume"],
)
def test_another_vocabulary_is_refused_even_of_the_same_size(minirnn, runs, contents, words):
    write(runs / "other", [s.replace("cat", "cow") for s in SENTENCES])
    before = contents(runs)
    result = minirnn(*words, "--data-dir", "other")
    assert result.code == 2
    assert "words was trained with another vocabulary" in result.err
    assert contents(runs) == before


@pytest.mark.parametrize("name", ["best.npz", "checkpoint.npz"])
@pytest.mark.parametrize("command", ["generate", "evaluate"])
def test_a_damaged_checkpoint_is_refused(minirnn, runs, contents, name, command):
    path = runs / "words" / name
    path.write_bytes(path.read_bytes()[:100])
    before = contents(runs)
    result = minirnn(command, "words", "--checkpoint", "best" if name == "best.npz" else "latest")
    assert result.code == 2
    assert f"{name} is truncated or no minirnn checkpoint" in result.err
    assert contents(runs) == before


def test_a_tied_run_saves_its_table_once(minirnn, runs):
    options = (*SHORT, "--embedding-size", 6, "--tied", "--data-dir", "text", "--window", 4)
    assert minirnn("run", "ptb-word", *options, "--steps", 6, "--dir", "whole").code == 0
    assert minirnn("run", "ptb-word", *options, "--steps", 4, "--dir", "parts").code == 0
    assert minirnn("run", "--resume", "parts", "--steps", 6, "--quiet").code == 0
    whole, parts = (checkpoint.load(runs / name / "checkpoint.npz")[0] for name in ("whole", "parts"))
    assert [name for name in whole if not np.array_equal(whole[name], parts[name])] == []
    tables = {name for name, x in whole.items() if name.startswith("param/") and x.shape == (15, 6)}
    assert tables == {"param/embedding.E"}
    assert minirnn("generate", "whole", "--length", 3).code == 0


def test_weights_that_cannot_be_tied_are_refused_before_anything_is_written(minirnn, runs, contents):
    before = contents(runs)
    result = minirnn("run", "ptb-word", *SHORT, "--tied", "--data-dir", "text", "--dir", "new")
    assert result.code == 2
    assert "set embedding_size to 6" in result.err
    assert contents(runs) == before
