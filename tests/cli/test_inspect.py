"""minirnn inspect: which diagnostics, of what, in words and as JSON; a mistake is one sentence."""

import json
import re

import numpy as np
import pytest

from minirnn import catalog, checkpoint
from minirnn.cli import findings, progress
from minirnn.diagnostics import Spectrum
from minirnn.trained import load_model

SHORT = ("--quiet", "--length", 6, "--hidden-size", 8, "--batch-size", 4)
WATCHABLE = [name for name, kind in catalog.components("diagnostics").items() if kind.watchable]


def run_of_four_updates(minirnn):
    minirnn("run", "recall", *SHORT, "--steps", 4, "--evaluate-every", 3, "--layers", 2, "--dir", "a")


@pytest.fixture
def trained(copied):
    """A run of four updates with a best and a latest checkpoint, of which the latter is two updates older."""
    return copied(run_of_four_updates)


def answers(result):
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_the_cheap_diagnostics_of_every_layer_are_the_default(trained):
    found = answers(trained("inspect", "a", "--json"))
    assert list(found["layers"]) == ["rnn.0", "rnn.1"]
    assert all(list(fields) == WATCHABLE for fields in found["layers"].values())
    assert {key: found[key] for key in ("folder", "task", "model", "split", "examples", "step", "checkpoint")} == {
        "folder": "a", "task": "recall", "model": "urnn-exp", "split": "valid", "examples": 32, "step": 3,
        "checkpoint": "best",
    }


def test_the_numbers_are_those_of_the_runs_own_parameters(trained, tmp_path):
    for which, step in (("best", 3), ("latest", 4)):
        found = answers(trained("inspect", "a", "--json", "--only", "spectrum", "--checkpoint", which))
        trainer, _ = load_model(tmp_path / "a", which)
        assert found["step"] == step
        for k in range(2):
            assert found["layers"][f"rnn.{k}"] == {"spectrum": Spectrum().measure(trainer.subject(k))}


def test_a_layer_a_split_and_the_number_of_sequences_can_be_chosen(trained):
    words = ("inspect", "a", "--json", "--only", "loss-gradient", "--layer", "rnn.1")
    found = answers(trained(*words, "--split", "test", "--examples", 3))
    assert list(found["layers"]) == ["rnn.1"]
    assert (found["split"], found["examples"]) == ("test", 3)
    assert found["layers"]["rnn.1"]["loss-gradient"]["examples"] == 3
    assert found["layers"] != answers(trained(*words, "--examples", 3))["layers"]


def test_all_measures_every_diagnostic_and_says_of_the_others_why_not(minirnn):
    found = answers(minirnn("inspect", "--model", "lstm", "--length", 5, "--hidden-size", 4, "--all", "--json"))
    measured, refused = found["layers"]["rnn.0"], found["refused"]["rnn.0"]
    assert sorted([*measured, *refused]) == list(catalog.components("diagnostics"))
    assert "LSTM" in refused["bounds"]


def test_a_fresh_model_takes_the_keys_of_a_configuration(minirnn):
    found = answers(minirnn(
        "inspect", "--model", "network", "--task", "copy", "--length", 7, "--hidden-size", 5, "--seed", 2, "--json",
        "--set", "model.parametrization=expmap", "--set", "model.layers=2", "--only", "spectrum",
    ))
    assert (found["folder"], found["task"], found["checkpoint"]) == (None, "copy", "as it starts")
    for fields in found["layers"].values():
        assert len(fields["spectrum"]["singular_values"]) == 5
        assert fields["spectrum"]["orthogonality_error"] < 1e-5


@pytest.mark.parametrize("model", catalog.components("models"))
def test_every_model_can_be_inspected(minirnn, model):
    words = "--length", 5, "--hidden-size", 6, "--set", "model.layers=2"
    result = minirnn("inspect", "--model", model, *words)
    assert result.code == 0, result.err
    headings = re.findall(r"^rnn\.(\d)  (\S+)", result.out, re.M)
    assert sorted(headings) == sorted((k, name) for k in "01" for name in WATCHABLE)


def test_a_table_holds_headings_numbers_and_curves(minirnn):
    result = minirnn("inspect", "--model", "rnn", "--task", "recall", "--length", 60, "--only", "gradient-flow,bounds")
    assert result.out.startswith("recall rnn, step 0 (as it starts), 32 sequences of the valid split\n")
    (line,) = [line for line in result.out.splitlines() if line.startswith("  fro_mean")]
    assert re.fullmatch(r"  fro_mean +\S+ → 7\.071 +▁[▁-█]+ +log scale *", line)
    assert "not finite" not in result.out
    assert max(map(len, result.out.splitlines())) <= findings.WIDE + 20


def test_gates_stand_side_by_side(minirnn):
    lines = minirnn("inspect", "--model", "gru", "--length", 5, "--only", "spectrum").out.splitlines()
    (heading,) = [k for k, line in enumerate(lines) if line.split() == ["matrices", "u", "r", "c"]]
    assert len(lines[heading + 1].split()) == 4


def test_json_is_strict_also_where_a_norm_has_left_the_range(trained, tmp_path):
    path = tmp_path / "a/best.npz"
    arrays, about = checkpoint.load(path)
    arrays["param/rnn.0.U"][...] = 3e38
    checkpoint.save(path, arrays, about)
    def refuse(constant):
        raise AssertionError(constant)
    json.loads(trained("inspect", "a", "--json").out, parse_constant=refuse)


def test_parameters_that_are_not_finite_are_named_as_such(trained, tmp_path):
    path = tmp_path / "a/best.npz"
    arrays, about = checkpoint.load(path)
    name = next(name for name in arrays if name.startswith("param/rnn.0.W"))
    arrays[name][...] = np.nan
    checkpoint.save(path, arrays, about)
    result = trained("inspect", "a", "--only", "spectrum", "--layer", "rnn.0")
    assert result.code == 2
    assert "are its parameters finite?" in result.err
    assert "Traceback" not in result.err


def test_what_was_slow_is_named_on_stderr(minirnn, monkeypatch):
    monkeypatch.setattr(progress, "SLOW", 0.0)
    result = minirnn("inspect", "--model", "rnn", "--length", 5, "--only", "spectrum", "--json")
    assert re.fullmatch(r"spectrum of rnn\.0  \d\.\d s\n", result.err)
    json.loads(result.out)


MISTAKES = {
    "nothing": ((), "name the folder of a run, or a model with --model"),
    "unknown diagnostic": (("a", "--only", "spectrm"), "there is no diagnostic 'spectrm'; did you mean 'spectrum'?"),
    "no run": (("nowhere",), "nowhere is not the folder of a run"),
    "unknown layer": (("a", "--layer", "rnn.2"), "there is no recurrent layer 'rnn.2'"),
    "all and only": (("a", "--all", "--only", "spectrum"), "leave one of them out"),
    "run and model": (("a", "--model", "lstm"), "--model describes a fresh model and a is a saved run"),
    "run and task": (("a", "--task", "copy"), "--task describes a fresh model and a is a saved run"),
    "run and key": (("a", "--set", "run.seed=1"), "--set describes a fresh model and a is a saved run"),
    "model and checkpoint": (("--model", "lstm", "--checkpoint", "best"), "--checkpoint best belongs to a saved run"),
    "unknown model": (("--model", "lstn"), "did you mean 'lstm'?"),
    "unknown task": (("--model", "lstm", "--task", "recal"), "did you mean 'recall'?"),
    "no meaning": (("--model", "lstm", "--only", "bounds"), "LSTM"),
    "no sequences": (("a", "--examples", "0"), "--examples"),
    "missing data": (("--model", "lstm", "--task", "sequential-mnist", "--data-dir", "nowhere"), "train-images"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence(trained, words, sentence):
    result = trained("inspect", *words)
    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


@pytest.mark.parametrize(("file", "sentence"), [
    ("best.npz", "no step of it was a multiple"), ("checkpoint.npz", "there is no checkpoint"),
])
def test_a_missing_checkpoint_is_one_sentence(trained, tmp_path, file, sentence):
    (tmp_path / "a" / file).unlink()
    which = "best" if file == "best.npz" else "latest"
    result = trained("inspect", "a", "--checkpoint", which)
    assert result.code == 2
    assert sentence in result.err


def test_the_list_marks_what_is_too_slow_to_be_watched(minirnn):
    found = json.loads(minirnn("list", "diagnostics", "--json").out)["diagnostics"]
    assert [name for name, text in found.items() if "slow" not in text] == WATCHABLE


def test_run_logs_what_it_is_told_to_watch(minirnn, tmp_path):
    words = (*SHORT, "--steps", 4, "--watch", "spectrum, gradient-flow", "--watch-every", 2, "--dir", "b")
    assert minirnn("run", "recall", *words).code == 0
    lines = map(json.loads, (tmp_path / "b/metrics.jsonl").read_text().splitlines())
    found = [(r["step"], r["diagnostic"]) for r in lines if r["split"] == "watch"]
    assert found == [(step, name) for step in (0, 2, 4) for name in ("spectrum", "gradient-flow")]


def test_what_cannot_be_watched_is_refused_before_there_is_a_folder(minirnn, tmp_path):
    for names in ("spektrum", "robustness"):
        result = minirnn("run", "recall", *SHORT, "--watch", names, "--dir", "b")
        assert result.code == 2
        assert names in result.err
    assert list(tmp_path.iterdir()) == []


def test_an_option_of_a_diagnostic_reaches_it(trained):
    words = "inspect", "a", "--only", "gradient-flow,robustness", "--layer", "rnn.0", "--json"
    one = answers(trained(*words, "--option", "gradient-flow.examples=1", "--option", "robustness.eps=[0.5]"))
    other = answers(trained(*words))
    found, default = (said["layers"]["rnn.0"] for said in (one, other))
    assert found["gradient-flow"] != default["gradient-flow"]
    assert found["robustness"] != default["robustness"]


def test_a_matrix_too_large_for_capacity_is_measured_where_the_limit_allows_it(trained):
    words = "inspect", "a", "--only", "capacity", "--layer", "rnn.0"
    refused = trained(*words, "--option", "capacity.limit=100")
    assert refused.code == 2
    assert refused.err.endswith("raise the limit with --option capacity.limit=4096\n")
    assert trained(*words, "--option", "capacity.limit=4096").code == 0


@pytest.mark.parametrize(("option", "sentence"), [
    ("spectrum", "cannot read 'spectrum'; write TABLE.KEY=VALUE"),
    ("spectrun.k=1", "there is no diagnostic 'spectrun'; did you mean 'spectrum'?"),
    ("capacity.limit=9", "--option capacity.limit is of a diagnostic that is not asked for; add --only capacity or"),
    ("gradient-flow.example=9", "did you mean 'examples'?"),
    ("gradient-flow.examples=two", "gradient-flow.examples must be of type int (got 'two')"),
    ("gradient-flow.examples=0", "gradient-flow needs at least one example (got 0)"),
])
def test_an_option_that_cannot_be_is_refused_in_one_sentence(trained, option, sentence):
    result = trained("inspect", "a", "--option", option)
    assert (result.code, result.out) == (2, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("value", ["abc", '["a"]', "[true]"])
def test_a_list_of_numbers_is_wanted(trained, value):
    result = trained("inspect", "a", "--only", "robustness", "--option", f"robustness.eps={value}")
    assert result.code == 2
    assert "robustness.eps must be a list of numbers" in result.err
