"""minirnn run --preset and minirnn list presets."""

import json
import tomllib

import pytest

from minirnn import presets

TINY = ("--hidden-size", 8, "--batch-size", 4, "--steps", 2)


def test_a_preset_is_a_layer_under_the_command_line(minirnn, tmp_path):
    result = minirnn("run", "--preset", "chu-table-3/rnn-20", *TINY, "--dir", "a")
    assert result.code == 0
    written = tomllib.loads((tmp_path / "a/config.toml").read_text())
    assert written["task"] == {"name": "recall", "values": 10, "length": 20}
    assert written["model"]["activation"] == "relu"
    assert (written["optimizer"]["lr"], written["train"]["steps"]) == (5e-5, 2)
    assert written["run"]["preset"] == "chu-table-3/rnn-20"


def test_suggestions_of_the_task_do_not_enter_neither_at_first_nor_on_resuming(minirnn, tmp_path):
    minirnn("run", "--preset", "chu-table-3/rnn-20", *TINY, "--dir", "a")
    assert minirnn("run", "--resume", "a", "--steps", 4, "--quiet").code == 0
    written = tomllib.loads((tmp_path / "a/config.toml").read_text())
    assert "stop_at" not in written["train"]
    assert minirnn("run", "--config", "a/config.toml", "--dir", "b", "--quiet").code == 0
    assert tomllib.loads((tmp_path / "b/config.toml").read_text()) == written


def test_a_preset_introduces_itself_and_its_number_stands_beside_ours(minirnn):
    result = minirnn("run", "--preset", "chu-table-3/rnn-20", "--scale", "quick", *TINY)
    assert "chu-table-3/rnn-20, quick: Recall the first of N numbers" in result.err
    assert "[chu, Table 3]" in result.err
    assert "test accuracy 10.22 %" in result.err
    assert "unstated: how many values the numbers have" in result.err
    assert "10.22 %" in result.out


def test_quiet_says_none_of_it(minirnn):
    assert minirnn("run", "--preset", "chu-table-3/rnn-20", *TINY, "--quiet", "--json").err == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--preset", "chu-tabel-3"), "did you mean 'chu-table-3'?"),
        (("--preset", "chu-table-3/urn-50"), "did you mean 'urnn-50'?"),
        (("--preset", "chu-table-3", "--scale", "quik"), "did you mean 'quick'?"),
        (("--scale", "quick"), "belongs to --preset"),
        (("recall", "--preset", "chu-table-3"), "leave out the task"),
        (("--resume", "a", "--preset", "chu-table-3"), "leave out the task"),
        (("recall", "--set", "run.preset=mine"), "no model is named"),
    ],
)
def test_a_mistake_is_one_sentence(minirnn, tmp_path, words, sentence):
    result = minirnn("run", *words)
    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


def test_list_presets_shows_table_published_number_and_cost(minirnn):
    out = minirnn("list", "presets").out
    assert "[chu, Table 4]" in out
    (line,) = [line for line in out.splitlines() if "test accuracy 92.01 %" in line]
    assert line.split()[:6] == ["/urnn-100", "5", "min,", "quick", "3", "min"]


def test_list_presets_as_json_has_every_variant(minirnn):
    found = json.loads(minirnn("list", "presets", "--json").out)
    assert set(found) == {variant for name in presets.names() for variant in presets.variants(name)}
    assert found["chu-table-7/ugru-35"]["published"] == {"valid_perplexity": 101.76, "test_perplexity": 98.05}
    assert set(found["chu-table-7/ugru-35"]["minutes"]) == {"published", "quick"}


def test_list_names_the_presets_beside_the_other_kinds(minirnn):
    assert set(json.loads(minirnn("list", "--json").out)["presets"]) == set(presets.names())
    assert "did you mean 'presets'?" in minirnn("list", "preset").err
