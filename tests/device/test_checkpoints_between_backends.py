"""A checkpoint knows no backend: saved on one and resumed on the other, a run goes on as if nothing had happened."""

import json

import fake_cupy
import numpy as np
import pytest
from twins import tables

from minirnn import backend, catalog, checkpoint, config
from minirnn.errors import UsageError
from minirnn.generate import Sample, generate
from minirnn.runs import CHECKPOINT, Run
from minirnn.tasks.recall import Recall
from minirnn.trained import load_model

PLACES = ("numpy", "cupy")
CASES = {
    **{model: tables(model, embedding_size=3, layers=2, dropout=0.2) for model in catalog.components("models")},
    "plateau": tables("lstm", optimizer={"schedule": "plateau"}),
    "momentum": tables("rnn", optimizer={"rule": "sgd", "options": {"momentum": 0.9}}),
    "tied, accumulated": tables("lstm", embedding_size=5, tied=True, train={"accumulate": 2}),
}


def train(folder, given, places, steps):
    """A run that is made at the first place and resumed at each of the others; all its checkpoint's arrays."""
    total = 0
    for place, more in zip(places, steps, strict=True):
        total += more
        change = {"run": {"backend": place}, "train": {"steps": total}}
        run = Run.resume(folder, change) if folder.exists() else Run.create(folder, *config.resolve(given, change))
        assert run.trainer.where == place
        list(run.train())
    return checkpoint.load(folder / CHECKPOINT)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("places", [("numpy", "cupy"), ("cupy", "numpy")], ids="->".join)
def test_a_run_resumed_on_the_other_backend_ends_with_the_same_bits(device, tmp_path, case, places):
    given = {**CASES[case], "train": {**CASES[case]["train"], "evaluate_every": 2}}
    wanted, told = train(tmp_path / "here", given, ("numpy", "numpy"), (2, 2))
    found, about = train(tmp_path / "there", given, places, (2, 2))
    assert found.keys() == wanted.keys()
    for name, x in wanted.items():
        assert (x.dtype, x.shape, x.tobytes()) == (found[name].dtype, found[name].shape, found[name].tobytes()), name
    clock = {"seconds", "epoch"}
    assert {k: v for k, v in about.items() if k not in clock} == {k: v for k, v in told.items() if k not in clock}
    kinds = {name.split("/")[0] for name in found}
    assert {"param", "rule"} <= kinds


@pytest.mark.parametrize("places", [("numpy", "cupy"), ("cupy", "numpy")], ids="->".join)
@pytest.mark.parametrize("model", ["lstm", "urnn"])
def test_a_carried_state_is_resumed_on_the_other_backend(device, monkeypatch, tmp_path, model, places):
    monkeypatch.setattr(Recall, "stateful", True)
    wanted, _ = train(tmp_path / "here", tables(model), ("numpy", "numpy"), (2, 2))
    found, _ = train(tmp_path / "there", tables(model), places, (2, 2))
    assert any(name.startswith("state/") for name in wanted)
    assert all(found[name].tobytes() == x.tobytes() for name, x in wanted.items())


@pytest.mark.parametrize("place", PLACES)
def test_a_saved_run_is_evaluated_and_sampled_from_on_the_other_backend(device, tmp_path, place):
    train(tmp_path / "a", tables("lstm", embedding_size=3), (place,), (4,))
    here, there = (load_model(tmp_path / "a", "latest", {"run": {"backend": p}})[0] for p in PLACES)
    assert (here.where, there.where) == PLACES
    assert here.evaluate("test") == there.evaluate("test")
    texts = [list(generate(trainer.model, [1], 5, Sample(seed=2))) for trainer in (here, there)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("place", PLACES)
def test_indices_of_a_checkpoint_that_are_none_are_refused(device, tmp_path, place):
    settings, task = config.resolve(tables("urnn"), {"run": {"backend": place}})
    Run.create(tmp_path / "a", settings, task)
    path = tmp_path / "a" / CHECKPOINT
    arrays, about = checkpoint.load(path)
    name = next(name for name, x in arrays.items() if name.startswith("buffer/") and x.dtype.kind == "i")
    arrays[name] = arrays[name] + 1
    checkpoint.save(path, arrays, about)
    with pytest.raises(UsageError, match="holds other indices than this model"):
        Run.resume(tmp_path / "a", {"train": {"steps": 9}})


def test_a_run_of_a_second_device_resumes_on_the_host(monkeypatch, tmp_path):
    _, second = fake_cupy.install(monkeypatch, devices=2)
    given = tables(run={"device": 1})
    train(tmp_path / "a", given, ("cupy",), (2,))
    assert second.to_device > 0
    train_on = Run.resume(tmp_path / "a", {"run": {"backend": "numpy"}, "train": {"steps": 4}})
    assert (train_on.trainer.where, train_on.trainer.config.run.device) == ("numpy", 0)


def test_the_best_parameters_are_tested_and_the_last_ones_put_back(device, tmp_path):
    results = []
    for place in PLACES:
        given = tables("lstm", train={"steps": 6, "evaluate_every": 2, "batch_size": 50}, run={"backend": place})
        run = Run.create(tmp_path / place, *config.resolve(given))
        list(run.train())
        run.trainer.best_step = 2                                   # as if the first validation had been the best
        kept, about = checkpoint.load(tmp_path / place / CHECKPOINT)
        arrays = {name: x for name, x in kept.items() if name.startswith(("param/", "buffer/"))}
        checkpoint.save(tmp_path / place / "best.npz", {k: 0.5 * x for k, x in arrays.items()}, {**about, "step": 2})
        results.append(json.dumps(run.test()))
        again = {f"param/{name}": x for name, x in run.trainer.model.params.items()}
        assert all(np.array_equal(backend.to_host(x), kept[name]) for name, x in again.items())
    assert results[0] == results[1]
