"""minirnn run: what it writes, how it resumes, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib

import numpy as np
import pytest

from minirnn import catalog, checkpoint
from minirnn.runs import read_metrics

pytestmark = pytest.mark.usefixtures("few_examples")
SHORT = ("--quiet", "--length", 6, "--hidden-size", 8, "--batch-size", 4, "--set", "train.log_every=2")


def arrays(folder):
    return checkpoint.load(folder / "checkpoint.npz")[0]


def test_a_run_writes_its_four_files(minirnn, tmp_path):
    result = minirnn("run", "recall", *SHORT, "--steps", 4, "--dir", "a")
    assert result.code == 0
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        ".lock", "checkpoint.npz", "config.toml", "curves.png", "metrics.jsonl",
    ]
    assert "Written to a" in result.out
    splits = [record["split"] for record in read_metrics(tmp_path / "a")]
    assert splits == ["train", "train", "valid", "test"]


def test_the_config_of_a_run_is_enough_to_run_it_again(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--steps", 4, "--dir", "a", "--seed", 3, "--lr", 0.01)
    assert minirnn("run", "--config", "a/config.toml", "--dir", "b", "--quiet").code == 0
    first, second = arrays(tmp_path / "a"), arrays(tmp_path / "b")
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert tomllib.loads((tmp_path / "b/config.toml").read_text())["optimizer"]["lr"] == 0.01


# Every model with one rule, and one model with every rule; on their own, the rules of orthogonal matrices move no bias,
# and come with the models that have such matrices.
RESUMED = [(model, "rmsprop") for model in catalog.components("models")] + [
    ("lstm", name) for name, rule in catalog.components("rules").items()
    if "euclidean" in rule.manifolds and name != "rmsprop"
]


@pytest.mark.parametrize(("model", "rule"), RESUMED)
def test_k_and_k_steps_equal_2k_steps_bit_for_bit(minirnn, tmp_path, model, rule):
    options = (*SHORT, "--model", model, "--rule", rule, "--dropout", 0.3, "--layers", 2, "--clip-norm", 1)
    assert minirnn("run", "recall", *options, "--steps", 10, "--dir", "whole").code == 0
    assert minirnn("run", "recall", *options, "--steps", 5, "--dir", "halves").code == 0
    assert minirnn("run", "--resume", "halves", "--steps", 10, "--quiet").code == 0
    whole, halves = arrays(tmp_path / "whole"), arrays(tmp_path / "halves")
    assert whole.keys() == halves.keys()
    assert [name for name in whole if not np.array_equal(whole[name], halves[name])] == []


def test_truncated_backpropagation_resumes_bit_for_bit_too(minirnn, tmp_path):
    options = (*SHORT, "--bptt", 4)
    minirnn("run", "copy", *options, "--steps", 6, "--dir", "whole")
    minirnn("run", "copy", *options, "--steps", 3, "--dir", "halves")
    minirnn("run", "--resume", "halves", "--steps", 6, "--quiet")
    whole, halves = arrays(tmp_path / "whole"), arrays(tmp_path / "halves")
    assert all(np.array_equal(whole[name], halves[name]) for name in whole)


def test_resuming_drops_the_metrics_after_the_checkpoint(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--steps", 4, "--dir", "a")
    with open(tmp_path / "a/metrics.jsonl", "a") as file:
        file.write('{"split": "train", "step": 6, "loss": 1.0}\n{"split": "tr')
    assert minirnn("run", "--resume", "a", "--steps", 8, "--quiet").code == 0
    steps = [r["step"] for r in read_metrics(tmp_path / "a") if r["split"] == "train"]
    assert steps == [2, 4, 6, 8]


def test_json_reports_the_result_beside_the_baseline(minirnn):
    result = minirnn("run", "recall", *SHORT, "--steps", 4, "--json")
    report = json.loads(result.out)
    assert report["step"] == 4
    assert report["baseline"]["accuracy"] == 0.1
    assert {"loss", "accuracy"} <= report["test"].keys()


def test_the_same_seed_gives_the_same_numbers_for_any_logging_interval(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--steps", 6, "--dir", "a")
    minirnn("run", "recall", *SHORT, "--steps", 6, "--dir", "b", "--set", "train.log_every=1", "--evaluate-every", 1)
    minirnn("run", "recall", *SHORT, "--steps", 6, "--dir", "c", "--seed", 1)
    a, b, c = (arrays(tmp_path / name) for name in "abc")
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["param/rnn.0.U"], c["param/rnn.0.U"])


def test_progress_goes_to_stderr_with_the_time_left(minirnn, monkeypatch):
    monkeypatch.setattr("minirnn.cli.live.PAUSE", 0.0)
    result = minirnn("run", "recall", *SHORT[1:], "--steps", 4)
    assert "s left" in result.err
    assert "s left" not in result.out


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_the_step_saves_and_says_how_to_go_on(tmp_path, number):
    command = [sys.executable, "-m", "minirnn", "run", "recall", "--length", "20", "--steps", "100000", "--dir", "a"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "a/metrics.jsonl").exists() or not read_metrics(tmp_path / "a"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "minirnn run --resume a" in err
    step = checkpoint.load(tmp_path / "a/checkpoint.npz")[1]["step"]
    assert f"step {step}" in err
    resume = [sys.executable, "-m", "minirnn", "run", "--resume", "a", "--steps", str(step + 3), "--quiet"]
    assert subprocess.run(resume, cwd=tmp_path, capture_output=True).returncode == 0
    assert checkpoint.load(tmp_path / "a/checkpoint.npz")[1]["step"] == step + 3


def test_a_diverged_run_names_step_and_culprit_and_keeps_the_last_good_checkpoint(minirnn, tmp_path):
    result = minirnn("run", "recall", *SHORT, "--steps", 50, "--rule", "sgd", "--lr", 1e38, "--dir", "a")
    assert result.code == 1
    assert "step 2: the loss is not finite" in result.err
    assert "Traceback" not in result.err
    found, about = checkpoint.load(tmp_path / "a/checkpoint.npz")
    assert about["step"] == 0
    assert all(np.all(np.isfinite(x)) for x in found.values())


def test_a_gradient_that_is_not_finite_is_named(minirnn, monkeypatch):
    from minirnn.layers import Linear

    plain = Linear.backward

    def broken(self, dY, cache, affine=None):
        dX, grads = plain(self, dY, cache)
        return dX, {**grads, "b": grads["b"] * np.nan}

    monkeypatch.setattr(Linear, "backward", broken)
    result = minirnn("run", "recall", *SHORT, "--steps", 50)
    assert result.code == 1
    assert "step 1: the gradient of readout.b is not finite" in result.err
