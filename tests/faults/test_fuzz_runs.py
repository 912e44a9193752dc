"""A run's folder that another hand has changed: what makes sense is read, what does not is told in a sentence."""

import json
import shutil

import numpy as np
import pytest
from command_lines import call
from fuzzing import examples, fuzz
from hypothesis import strategies as st
from test_fuzz_command_lines import good_end

from minirnn import checkpoint, config, progress
from minirnn.errors import UsageError
from minirnn.model import Model
from minirnn.optimizers import Adam, Optimizer
from minirnn.runs import CHECKPOINT, CONFIG, METRICS
from minirnn.trainer import build
from minirnn.watch import Watch

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2**70, 2**70), st.floats(), st.text(max_size=3), st.just({}), st.just([1]),
    st.just({"total": "x"}), st.just({"now": 1, "best": None, "waited": 0}), st.just({"line": []}),
)
FIELDS = ["step", "waited", "finished", "seconds", "best", "best_step", "schedule", "epoch", "format", "vocabulary"]
ARRAYS = [np.zeros(3), np.zeros((3, 3)), np.array("x"), np.array(7), np.zeros((2, 2), complex),
          np.array([], dtype=bool), np.full((3, 3), np.nan)]
NAMES = ["rule/0/rnn.0.W/m", "rule/0/rnn.0.W/t", "rule/9/x/m", "rule/x", "rule/0/rnn.0.W/z", "state/0/0",
         "state/9999999999/0", "state/a/b", "param/rnn.0.W", "param/x", "buffer/x", "", "x/y/z", "rule//t"]
RESUME = ["run", "--resume", "b", "--steps", "6", "--quiet"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        made = call(["run", "recall", "--length", "4", "--hidden-size", "3", "--steps", "4", "--batch-size", "500",
                     "--set", "train.evaluate_every=2", "--dir", "a", "--quiet"])
        assert made.code == 0, made
    return root


def changed(run, monkeypatch, change, *commands):
    """Copy the run, change it, and let every command have a look."""
    monkeypatch.chdir(run)
    for words in commands:
        shutil.rmtree("b", ignore_errors=True)
        shutil.copytree("a", "b")
        change(run / "b")
        before = (run / "b" / CHECKPOINT).read_bytes()
        ended = call(words)
        good_end(ended)
        if ended.code == 2:
            assert (run / "b" / CHECKPOINT).read_bytes() == before


def small(model, **train):
    return config.resolve({"task": {"name": "recall", "length": 4}, "model": {"name": model, "hidden_size": 3},
                           "train": train})


def rewritten(path, about=(), arrays=()):
    found, said = checkpoint.load(path)
    checkpoint.save(path, {**found, **dict(arrays)}, {**said, **dict(about)})


@pytest.mark.promise("changed-runs")
@examples(12, 100)
def test_a_checkpoint_that_says_something_else(run, monkeypatch, examples, tried):
    def check(field, value):
        changed(run, monkeypatch, lambda b: rewritten(b / CHECKPOINT, about={field: value}), RESUME)

    fuzz(tried, examples, check, st.sampled_from(FIELDS), VALUES)


@pytest.mark.promise("changed-runs")
@examples(12, 100)
def test_a_checkpoint_with_other_arrays(run, monkeypatch, examples, tried):
    def check(name, k):
        changed(run, monkeypatch, lambda b: rewritten(b / CHECKPOINT, arrays={name: ARRAYS[k]}), RESUME)

    fuzz(tried, examples, check, st.sampled_from(NAMES), st.integers(0, len(ARRAYS) - 1))


@pytest.mark.promise("changed-runs")
@examples(4, 25)
def test_metrics_and_a_configuration_of_another_hand(run, monkeypatch, examples, tried):
    def check(key, value, file):
        def change(b):
            if file == METRICS:
                with open(b / METRICS, "a", encoding="utf-8") as metrics:
                    metrics.write(json.dumps({"split": "valid", "step": 2, "loss": 1.5, key: value}))
            else:
                text = (b / CONFIG).read_text()
                (b / CONFIG).write_text(f"{key} = {json.dumps(value)}\n{text}" if key != "split" else text * 2)

        changed(run, monkeypatch, change, RESUME, ["plot", "b"], ["evaluate", "b"])

    fuzz(tried, examples, check, st.sampled_from(["split", "step", "loss", "accuracy", "seconds", "train", "epoch"]),
         VALUES.filter(lambda x: x is not None), st.sampled_from([METRICS, CONFIG]))


@pytest.mark.promise("changed-runs")
def test_a_rule_takes_no_memory_that_it_does_not_know():
    x = {"W": np.zeros((2, 2))}
    optimizer = Optimizer(x, [("*", Adam(1e-3))])
    optimizer.step(x, {"W": np.ones((2, 2))})
    good = optimizer.state_dict()
    optimizer.load_state_dict(good)
    for bad in (
        {**good, "0/W/z": np.zeros((2, 2))}, {**good, "1/W/m": np.zeros((2, 2))}, {**good, "W": np.zeros(1)},
        {**good, "0/V/m": np.zeros((2, 2))}, {**good, "0/W/m": np.zeros(2)}, {**good, "0/W/t": np.array(1.5)},
        {name: x for name, x in good.items() if name != "0/W/v"},
    ):
        with pytest.raises(UsageError, match="the memory of the update rules does not fit"):
            optimizer.load_state_dict(bad)
    with pytest.raises(UsageError, match=r"Adam remembers \['m', 'v', 't'\]"):
        Adam(1e-3).load_state_dict({"W/z": np.zeros(2)})


@pytest.mark.promise("changed-runs")
def test_a_recurrent_state_of_another_network_is_refused(tmp_path):
    model = build(*small("lstm")).model
    good = {"0/0": np.zeros((2, 3)), "0/1": np.ones((2, 3))}
    assert progress.carried({}, model, 2, tmp_path) is None
    assert np.array_equal(progress.carried(good, model, 2, tmp_path)[0][1], good["0/1"])
    for bad in ({"0/0": good["0/0"]}, {**good, "99999999999/0": good["0/0"]}, {**good, "0/1": np.zeros((3, 3))},
                {**good, "0/1": np.array([["x"] * 3] * 2)}, {"a": np.zeros(1)}):
        with pytest.raises(UsageError, match="its recurrent state is not one of this network"):
            progress.carried(bad, model, 2, tmp_path)


@pytest.mark.promise("changed-runs")
def test_a_diagnostic_without_an_answer_leaves_a_record_that_says_so(run, monkeypatch):
    trainer = build(*small("rnn", steps=2, batch_size=500, watch=["spectrum"], watch_every=1))

    def fails(W):
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr("minirnn.diagnostics.spectrum.spectrum", fails)
    found = [r for event in trainer.train() for r in event.records if r["split"] == "watch"]
    assert [r["step"] for r in found] == [1, 2]
    assert all("eigenvalues did not converge" in r["missing"] for r in found)
    with pytest.raises(UsageError, match="did not converge"):       # before the first update: a reason not to start
        trainer.watched()


@pytest.mark.promise("changed-runs")
def test_a_tape_from_before_an_update_is_refused():
    settings, task = small("rnn")
    model = build(settings, task).model
    y, _, tape = model.forward(task.batch("train", 2, 0, 0).x)
    model.backward(np.zeros_like(y), tape)
    model.after_update()
    with pytest.raises(UsageError, match="the tape was made before update 1"):
        model.backward(np.zeros_like(y), tape)


# -- planted violations


@pytest.mark.control("changed-runs")
def test_a_description_that_is_believed_is_caught(run, monkeypatch):
    monkeypatch.setattr(progress, "require", lambda about, here, path: None)
    with pytest.raises(AssertionError):
        changed(run, monkeypatch, lambda b: rewritten(b / CHECKPOINT, about={"step": "x"}), RESUME)


@pytest.mark.control("changed-runs")
def test_a_watch_that_drops_its_records_is_caught(run, monkeypatch):
    monkeypatch.setattr(Watch, "records", lambda self, step, subjects, ask: [])
    with pytest.raises(AssertionError):
        test_a_diagnostic_without_an_answer_leaves_a_record_that_says_so(run, monkeypatch)


@pytest.mark.control("changed-runs")
def test_a_model_that_does_not_count_its_updates_is_caught(monkeypatch):
    monkeypatch.setattr(Model, "after_update", lambda self: None)
    with pytest.raises(pytest.fail.Exception):
        test_a_tape_from_before_an_update_is_refused()
