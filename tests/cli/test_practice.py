"""Schedules, accumulation and the best checkpoint: resumed bit for bit, logged, and never lost."""

import json
import tomllib

import numpy as np
import pytest

from minirnn import checkpoint
from minirnn.runs import read_metrics

pytestmark = pytest.mark.usefixtures("few_examples")
SHORT = ("--quiet", "--length", 6, "--hidden-size", 8, "--batch-size", 4, "--evaluate-every", 2, "--lr", 0.05)
SETTINGS = {
    "cosine": ("--schedule", "cosine", "--set", "optimizer.schedule_options.steps=12"),
    "linear": ("--schedule", "linear", "--set", "optimizer.schedule_options.steps=9"),
    "step": ("--schedule", "step", "--set", "optimizer.schedule_options.every=3"),
    "plateau": ("--schedule", "plateau"),
    "accumulate": ("--accumulate", 3, "--dropout", 0.2),
    "all": ("--schedule", "plateau", "--set", "optimizer.schedule_options.watch=goal", "--accumulate", 2),
}


def saved(folder, name="checkpoint.npz"):
    return checkpoint.load(folder / name)


def same(a, b, name="checkpoint.npz"):
    (one, about), (other, about_other) = saved(a, name), saved(b, name)
    assert one.keys() == other.keys()
    different = [key for key in one if not np.array_equal(one[key], other[key])]
    for key in ("step", "best", "best_step", "waited", "schedule"):
        different += [key] if about[key] != about_other[key] else []
    return different


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS.keys())
@pytest.mark.parametrize("halfway", [4, 5])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(minirnn, tmp_path, options, halfway):
    assert minirnn("run", "recall", *SHORT, *options, "--steps", 12, "--dir", "whole").code == 0
    assert minirnn("run", "recall", *SHORT, *options, "--steps", halfway, "--dir", "parts").code == 0
    assert minirnn("run", "--resume", "parts", "--steps", 12, "--quiet").code == 0
    assert same(tmp_path / "whole", tmp_path / "parts") == []
    assert same(tmp_path / "whole", tmp_path / "parts", "best.npz") == []
    whole, parts = ([r for r in read_metrics(tmp_path / name) if r["split"] == "train"] for name in ("whole", "parts"))
    assert whole[-1]["lr"] == parts[-1]["lr"]


def test_more_steps_prolong_the_run_and_not_its_schedule(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--schedule", "linear", "--steps", 6, "--dir", "a", "--set", "train.log_every=1")
    assert "steps" not in tomllib.loads((tmp_path / "a/config.toml").read_text())["optimizer"]["schedule_options"]
    minirnn("run", "--resume", "a", "--steps", 8, "--quiet")
    assert tomllib.loads((tmp_path / "a/config.toml").read_text())["optimizer"]["schedule_options"]["steps"] == 6
    rates = [r["lr"] for r in read_metrics(tmp_path / "a") if r["split"] == "train"]
    assert rates == pytest.approx([0.05 * max(1 - step / 6, 0) for step in range(8)])


def test_the_best_validation_is_kept_tested_and_reported(minirnn, tmp_path):
    result = minirnn("run", "recall", *SHORT, "--steps", 20, "--lr", 0.3, "--dir", "a", "--json")
    report, records = json.loads(result.out), read_metrics(tmp_path / "a")
    valid = {r["step"]: r["accuracy"] for r in records if r["split"] == "valid"}
    best = min(step for step, value in valid.items() if value == max(valid.values()))
    assert report["tested_step"] == best == saved(tmp_path / "a", "best.npz")[1]["step"]
    assert report["valid"]["accuracy"] == valid[best]
    tests = {r["parameters"]: r for r in records if r["split"] == "test"}
    assert tests["best"]["accuracy"] == report["test"]["accuracy"]
    assert tests.get("last", tests["best"])["accuracy"] == report["test_last"]["accuracy"]
    assert set(saved(tmp_path / "a", "best.npz")[0]) == {
        name for name in saved(tmp_path / "a")[0] if name.startswith(("param/", "buffer/"))
    }


def test_testing_the_best_leaves_the_last_parameters_in_place(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--steps", 7, "--dir", "a")
    minirnn("run", "recall", *SHORT, "--steps", 7, "--dir", "b", "--set", "train.evaluate_every=100")
    a, b = saved(tmp_path / "a")[0], saved(tmp_path / "b")[0]
    assert all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"no npz")])
def test_a_best_checkpoint_that_is_gone_is_noticed_before_more_training(minirnn, tmp_path, contents, damage):
    minirnn("run", "recall", *SHORT, "--steps", 4, "--dir", "a")
    damage(tmp_path / "a/best.npz")
    before = contents(tmp_path)
    result = minirnn("run", "--resume", "a", "--steps", 8, "--quiet")
    assert result.code == 2
    assert "best.npz" in result.err
    assert contents(tmp_path) == before


def test_epochs_are_logged_and_timed_where_the_training_set_is_finite(minirnn, tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for name in ("train", "valid", "test"):
        (folder / f"ptb.{name}.txt").write_text("the cat sat on the mat \na <unk> was red \n" * 6)
    options = ("--quiet", "--model", "lstm", "--hidden-size", 6, "--batch-size", 3, "--data-dir", folder)
    result = minirnn("run", "ptb-char", *options, "--steps", 9, "--dir", "a", "--json")
    records = read_metrics(tmp_path / "a")                              # 12 sentences: four batches an epoch
    assert [r["step"] for r in records if r["split"] == "epoch"] == [4, 8]
    assert [r["epoch"] for r in records if r["split"] == "train"] == [1.0, 2.0, 2.25]
    assert all("tokens_per_second" in r for r in records if r["split"] == "train")
    assert json.loads(result.out)["seconds_per_epoch"] is not None
    minirnn("run", "recall", *SHORT, "--steps", 4, "--dir", "b")
    plain = read_metrics(tmp_path / "b")
    assert not any("epoch" in r for r in plain)
    assert all("sequences_per_second" in r for r in plain if r["split"] == "train")


MISTAKES = {
    "unknown schedule": (("--schedule", "cosin"), "did you mean 'cosine'?"),
    "schedule's unknown option": (
        ("--schedule", "cosine", "--set", "optimizer.schedule_options.end=1"), "choose one of: final, steps",
    ),
    "schedule that lacks a number": (("--schedule", "step"), "schedule_options.every must be at least 1 (got 0)"),
    "accumulate 0": (("--accumulate", 0), "train.accumulate must be at least 1 (got 0)"),
    "accumulate and bptt": (("--accumulate", 2, "--bptt", 3), "train.accumulate joins batches into one update"),
    "tied one-hot": (("--embedding-size", 0, "--tied"), "tied needs symbols that are read and predicted alike"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_with_exit_code_2_and_no_file(minirnn, tmp_path, words, sentence):
    result = minirnn("run", "recall", *SHORT, *words)
    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []
