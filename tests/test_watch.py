"""Watching a training run: what is written, when, and that the training does not notice."""

import json

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, catalog, checkpoint, config
from minirnn.errors import UsageError
from minirnn.runs import Run, read_metrics
from minirnn.trainer import Trainer, build
from minirnn.updates import make_optimizer

WATCHABLE = [name for name, kind in catalog.components("diagnostics").items() if kind.watchable]
CLOCK = "seconds", "sequences_per_second"


def tables(model="rnn", steps=12, watch=(), every=4, **options):
    return {
        "task": {"name": "recall", "length": 5},
        "model": {"name": model, "hidden_size": 6, "embedding_size": 3, **options},
        "train": {"batch_size": 4, "steps": steps, "log_every": 3, "evaluate_every": 6,
                  "watch": list(watch), "watch_every": every},
    }


def run(folder, **options):
    made = Run.create(folder, *config.resolve(tables(**options)))
    for _ in made.train():
        pass
    return made


def arrays(folder):
    return checkpoint.load(folder / "checkpoint.npz")[0]


def without_clock(folder):
    return [{key: x for key, x in record.items() if key not in CLOCK} for record in read_metrics(folder)]


def test_a_record_names_step_diagnostic_and_layer_before_the_first_update_and_after_every_k(tmp_path):
    run(tmp_path / "a", watch=["spectrum", "gradient-flow"], every=5, layers=2)
    found = [r for r in read_metrics(tmp_path / "a") if r["split"] == "watch"]
    assert [(r["step"], r["diagnostic"], r["layer"]) for r in found] == [
        (step, diagnostic, layer) for step in (0, 5, 10, 12) for diagnostic in ("spectrum", "gradient-flow")
        for layer in ("rnn.0", "rnn.1")
    ]
    assert all(len(r["singular_values"]) == 6 for r in found if r["diagnostic"] == "spectrum")
    assert all(len(r["fro_mean"]) == len(r["t"]) == 6 for r in found if r["diagnostic"] == "gradient-flow")


def test_the_records_follow_the_network(tmp_path):
    run(tmp_path / "a", watch=["spectrum"])
    radii = [r["spectral_radius"] for r in read_metrics(tmp_path / "a") if r["split"] == "watch"]
    assert len(set(radii)) == len(radii) == 4


@pytest.mark.parametrize("model", catalog.components("models"))
def test_watching_leaves_every_parameter_of_every_model_as_it_would_be_bit_for_bit(tmp_path, model):
    options = {"model": model, "dropout": 0.3, "layers": 2, "steps": 4}
    meaningful = [name for name in WATCHABLE if name != "bounds"]   # bounds know one kind of cell only
    run(tmp_path / "plain", **options)
    run(tmp_path / "watched", **options, watch=meaningful, every=2)
    plain, watched = arrays(tmp_path / "plain"), arrays(tmp_path / "watched")
    assert plain.keys() == watched.keys()
    assert [name for name in plain if not np.array_equal(plain[name], watched[name])] == []
    others = [record for record in without_clock(tmp_path / "watched") if record["split"] != "watch"]
    assert others == without_clock(tmp_path / "plain")


def test_a_resumed_run_writes_the_records_of_the_whole_one(tmp_path):
    run(tmp_path / "whole", watch=WATCHABLE, every=3)
    made = Run.create(tmp_path / "halves", *config.resolve(tables(watch=WATCHABLE, every=3)))
    for event in made.train():
        if event.step == 8:                                         # killed: the checkpoint is that of step 6
            break
    for _ in Run.resume(tmp_path / "halves", {}).train():
        pass
    assert without_clock(tmp_path / "halves") == without_clock(tmp_path / "whole")
    whole, halves = arrays(tmp_path / "whole"), arrays(tmp_path / "halves")
    assert all(np.array_equal(whole[name], halves[name]) for name in whole)


def test_a_run_killed_before_its_first_checkpoint_measures_its_start_once(tmp_path):
    made = Run.create(tmp_path / "a", *config.resolve(tables(watch=["spectrum"])))
    next(made.train())
    for _ in Run.resume(tmp_path / "a", {}).train():
        pass
    steps = [r["step"] for r in read_metrics(tmp_path / "a") if r["split"] == "watch"]
    assert steps == [0, 4, 8, 12]


def test_watching_can_begin_and_end_when_a_run_is_resumed(tmp_path):
    run(tmp_path / "a", steps=6)
    for names, steps in ((["spectrum"], 12), ([], 18)):
        for _ in Run.resume(tmp_path / "a", {"train": {"steps": steps, "watch": names}}).train():
            pass
    assert [r["step"] for r in read_metrics(tmp_path / "a") if r["split"] == "watch"] == [8, 12]


def test_without_an_interval_every_validation_is_followed_by_a_measurement(tmp_path):
    run(tmp_path / "a", watch=["spectrum"], every=0)
    assert [r["step"] for r in read_metrics(tmp_path / "a") if r["split"] == "watch"] == [0, 6, 12]


@pytest.mark.parametrize(("train", "sentence"), [
    ({"watch": ["spektrum"]}, "there is no diagnostic 'spektrum'; did you mean 'spectrum'?"),
    ({"watch": ["pseudospectrum"]}, "train.watch names pseudospectrum, which takes too long"),
    ({"watch": "spectrum"}, "train.watch must be of type list"),
    ({"watch": [3]}, "there is no diagnostic '3'"),
    ({"watch_every": -1}, "train.watch_every must be zero"),
])
def test_a_name_that_cannot_be_watched_is_refused_with_the_configuration(train, sentence):
    with pytest.raises(UsageError) as error:
        config.resolve({"task": {"name": "recall"}, "train": train})
    assert sentence in str(error.value)


def test_a_diagnostic_without_meaning_for_the_model_is_refused_before_there_is_a_folder(tmp_path):
    with pytest.raises(UsageError, match="LSTM"):
        Run.create(tmp_path / "a", *config.resolve(tables(model="lstm", watch=["bounds"])))
    assert not (tmp_path / "a").exists()


def test_and_when_a_run_is_resumed_with_it_nothing_changes(tmp_path):
    run(tmp_path / "a", model="lstm", steps=6)
    before = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    with pytest.raises(UsageError, match="LSTM"):
        Run.resume(tmp_path / "a", {"train": {"steps": 12, "watch": ["bounds"]}})
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == before


def test_the_metrics_stay_strict_json_when_the_gradients_explode(tmp_path):
    made = Run.create(tmp_path / "a", *config.resolve(tables(model="rnn", activation="relu", watch=["gradient-flow"])))
    made.trainer.model.params["rnn.0.W"][...] = 1e30 * np.eye(6)
    for record in made.trainer.watched():
        made.log(record)
    def refuse(constant):
        raise AssertionError(constant)
    lines = (tmp_path / "a/metrics.jsonl").read_text().splitlines()
    last = [json.loads(line, parse_constant=refuse) for line in lines][-1]
    assert last["fro_mean"][-1] == pytest.approx(6 ** 0.5)


# ---- ‖WᴴW − I‖ at every validation


@pytest.mark.parametrize(("model", "tracked"), [
    ("urnn-exp", True), ("scornn", True), ("full-urnn", True), ("dizzy-rnn", True), ("urnn", True), ("ugru", True),
    ("irnn", True), ("rnn", False), ("lstm", False), ("gru", False),
])
def test_validations_tell_the_orthogonality_error_of_what_starts_orthogonal(tmp_path, model, tracked):
    run(tmp_path / "a", model=model)
    validations = [r for r in read_metrics(tmp_path / "a") if r["split"] == "valid"]
    errors = [r.get("orthogonality_error") for r in validations]
    if not tracked:
        assert errors == [None, None]
    elif model == "irnn":                                           # free: it only starts there
        assert all(error > 1e-3 for error in errors)
    else:
        assert all(0 <= error < 1e-5 for error in errors)


def test_the_orthogonality_error_is_that_of_the_worst_layer():
    t = build(*config.resolve(tables(model="irnn", layers=2)))
    assert t.orthogonality.record() == {"orthogonality_error": 0.0}
    t.model.params["rnn.1.W"][0, 0] = 2.0                           # WᵀW − I = diag(3, 0, ...)
    assert t.orthogonality.record() == {"orthogonality_error": pytest.approx(3.0)}


# ---- on the device


@pytest.mark.parametrize("model", ["urnn-exp", "lstm", "urnn", "sparse-rnn"])
def test_a_trainer_on_the_device_watches_as_on_the_host(monkeypatch, model):
    device = StrictDevice()
    to = backend.to
    monkeypatch.setattr(backend, "to", lambda tree, target: to(tree, device if target == "cupy" else target))
    names = [name for name in WATCHABLE if name != "bounds"]
    settings, task = config.resolve(tables(model=model, watch=names))
    host = build(settings, task)
    moved = build(settings, task).model.to(device)
    there = Trainer(settings, task, moved, make_optimizer(settings, moved))
    for trainer in (host, there):
        trainer.update(0)
    expected, found = host.watched(), there.watched()
    assert [list(record) for record in found] == [list(record) for record in expected]
    for record, reference in zip(found, expected, strict=True):
        for field in ("singular_values", "fro_mean", "mean"):
            assert record.get(field, 0) == pytest.approx(reference.get(field, 0), rel=1e-3, abs=1e-5)
    assert there.orthogonality.record() == pytest.approx(host.orthogonality.record(), abs=1e-5)
