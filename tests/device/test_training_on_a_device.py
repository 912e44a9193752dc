"""The trainer with `--backend cupy` on the fake device: the bits of the host, and exactly the stated transfers.

    an update       the arrays of the batch and the dropout masks go there; nothing comes back
    a logged line   one copy
    a validation    one copy for all metrics, and one for the orthogonality error where it is measured
    a checkpoint    one copy to ask whether all parameters are finite, and one per array that lives there
"""

import json

import numpy as np
import pytest
from twins import same_bits, suited, tables, twins

from minirnn import backend, catalog, config
from minirnn.errors import RunFailed, UsageError
from minirnn.generate import Sample, generate
from minirnn.runs import Run
from minirnn.tasks.base import Batch
from minirnn.trainer import build

MODELS = list(catalog.components("models"))
INPUTS = {
    "one-hot": {}, "embedding": {"embedding_size": 3},
    "numbers, squared error": {"task": {"name": "adding", "length": 9}},
}
TYPES = {"float32": {}, "float64, trained start": {"run": {"dtype": "float64"}, "train_h0": True}}
VARIANTS = {
    "truncated": {"train": {"bptt": 4}},
    "accumulated": {"train": {"accumulate": 3}},
    "accumulated rows": {"train": {"accumulate": 3}, "embedding_size": 3},
    "clipped entry by entry": {"optimizer": {"clip_norm": 0.0, "clip": 0.01}, "embedding_size": 3},
    "unclipped": {"optimizer": {"clip_norm": 0.0}, "embedding_size": 3},
    "tied": {"model": "lstm", "embedding_size": 5, "tied": True},
    "trained initial state": {"model": "lstm", "train_h0": True, "train": {"bptt": 4}},
    "four layers": {"model": "gru", "layers": 4},
    "peepholes": {"model": "lstm", "peepholes": True},
    "singular values": {"model": "dizzy-rnn", "singular_values": True},
    "per gate": {"model": "network", "cell": "gru", "parametrization": "expmap"},
    "radius": {"model": "spectrally-normalised-rnn", "norm": "radius"},
    "normalised": {"model": "full-urnn", "normalise": "rms"},
    **{f"reset {r}": {"model": "gru", "reset": r} for r in ("before", "none")},
    **{f"{c}, {s}": {"model": "sparse-rnn", "cell": c, "structure": s, **({"blocks": 5} if s == "shuffle" else {})}
       for c in ("elman", "gru", "lstm") for s in ("diagonal", "block", "shuffle")},
    **{f"margin {m}": {"model": "spectral-rnn", "margin": m, "weight_decay": 0.1, "prior": 0.1} for m in (0.0, 0.5)},
    "no margin": {"model": "spectral-rnn", "margin": "none", "weight_decay": 0.1, "prior": 0.1},
    **{g: {"model": "urnn-exp", "gradient": g} for g in ("plumbley", "multiplicative")},
    **{f"{c}, {p}": {"model": "network", "cell": c, "parametrization": p}
       for c in ("lstm", "gru") for p in ("givens", "diagonal", "orthogonal")},
}


def masks(trainer):
    """Dropout masks per piece of a batch: one per layer and one for the read-out."""
    return (len(trainer.model.layers) + 1) if trainer.model.dropout.rate else 0


def train_both(device, given, steps=3):
    """Some updates of both, the transfers of each update of the second asserted; the two trainers."""
    host, there = twins(given)
    options = there.config.train
    pieces = -(-there.task.length // options.bptt) if options.bptt else options.accumulate
    for step in range(steps):
        host.update(step)
        before = device.to_device, device.to_host
        there.update(step)
        moved = device.to_device - before[0], device.to_host - before[1]
        assert moved == (pieces * (2 + masks(there)), 0), "x and y of each piece, its masks; nothing back"
    return host, there


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("given", INPUTS)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_trains_with_the_bits_of_the_host_and_copies_no_array_back(device, model, given, kind):
    host, there = train_both(device, tables(model, layers=2, dropout=0.2, **INPUTS[given], **TYPES[kind]))
    assert same_bits(host, there)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains_with_the_bits_of_the_host_and_copies_no_array_back(device, variant):
    assert same_bits(*train_both(device, tables(**VARIANTS[variant])))


COMPOSED = [(kind, name) for kind in ("cells", "activations", "parametrizations") for name in catalog.components(kind)]


@pytest.mark.parametrize(("kind", "name"), COMPOSED, ids=[name for _, name in COMPOSED])
def test_every_component_trains_with_the_bits_of_the_host_and_copies_no_array_back(device, kind, name):
    assert same_bits(*train_both(device, tables("network", **suited(kind, name))))


EUCLIDEAN = [name for name, Rule in catalog.components("rules").items() if "euclidean" in Rule.manifolds]


@pytest.mark.parametrize("rule", EUCLIDEAN)
def test_every_rule_trains_with_the_bits_of_the_host_and_copies_no_array_back(device, rule):
    assert same_bits(*train_both(device, tables("lstm", optimizer={"rule": rule}, embedding_size=3)))


@pytest.mark.parametrize("schedule", catalog.components("schedules"))
def test_every_schedule_trains_with_the_bits_of_the_host(device, schedule):
    required = {"step": {"every": 2}}                               # the one option without a default
    optimizer = {"schedule": schedule, "schedule_options": required.get(schedule, {})}
    host, there = twins(tables("lstm", optimizer=optimizer, train={"steps": 6, "evaluate_every": 2}))
    for trainer in (host, there):
        list(trainer.train())
    assert host.schedule.state_dict() == there.schedule.state_dict()
    assert same_bits(host, there)


@pytest.mark.parametrize("model", MODELS)
def test_a_run_starts_with_its_parameters_there_and_one_question(device, model):
    _, there = twins(tables(model, layers=2, embedding_size=3))
    tried = 1                                                       # the product that shows that CuPy can compute
    assert device.to_device == tried + len(there.model.params) + len(there.model.buffers)
    square = any(p.matrix()[0].shape[0] == p.matrix()[0].shape[1] for p in there.model.layers[0].matrices.values())
    assert device.to_host == tried + square


def test_a_correction_back_to_the_manifold_asks_nothing(device):
    host, there = twins(tables("network", parametrization="orthogonal", layers=2))
    for trainer in (host, there):
        for rule in trainer.optimizer.rules.values():
            if hasattr(rule, "correct_every"):
                rule.correct_every = 2
    before = device.to_host
    for step in range(4):
        for trainer in (host, there):
            trainer.update(step)
    assert device.to_host == before
    assert same_bits(host, there)


# ---- what is written down

LOGGED = {
    "one-hot": tables(train={"log_every": 2, "evaluate_every": 3, "steps": 4}),
    "penalty": tables("soft-orthogonal-rnn", train={"log_every": 2, "evaluate_every": 3, "steps": 4}),
    "truncated": tables(train={"log_every": 2, "evaluate_every": 3, "steps": 4, "bptt": 4}),
}


@pytest.mark.parametrize("case", LOGGED)
def test_a_line_costs_one_copy_and_a_validation_one_for_all_metrics(device, case):
    host, there = twins(LOGGED[case])
    counts, before, found = {}, device.to_host, []
    for event in there.train():
        counts[event.step], before = device.to_host - before, device.to_host
        found += event.records
    orthogonal = bool(there.orthogonality.tracked)
    assert counts == {1: 0, 2: 1, 3: 1 + orthogonal, 4: 2 + orthogonal}
    wanted = [record for event in host.train() for record in event.records]
    clock = "sequences_per_second", "tokens_per_second", "epoch_seconds", "orthogonality_error"
    plain = [[{k: v for k, v in r.items() if k not in clock} for r in records] for records in (found, wanted)]
    assert plain[0] == plain[1]


@pytest.mark.parametrize("model", MODELS)
def test_evaluation_costs_one_copy_and_says_what_the_host_says(device, model):
    host, there = twins(tables(model))
    before = device.to_host
    assert there.evaluate("valid") == host.evaluate("valid")
    assert device.to_host == before + 1


def test_a_checkpoint_copies_each_array_once_and_asks_once_whether_all_is_finite(device, tmp_path):
    settings, task = config.resolve(tables("lstm", run={"backend": "cupy"}, embedding_size=3))
    run = Run.create(tmp_path / "a", settings, task)
    next(run.train())
    arrays = sum(backend.is_device(x) for x in run.trainer.arrays().values())
    before = device.to_host
    run.save()
    assert device.to_host == before + 1 + arrays + 1                # and the running epoch's sums


# ---- what goes wrong


def test_a_loss_that_is_not_finite_is_noticed_at_the_next_line(device):
    _, there = twins(tables(optimizer={"clip_norm": 0.0}))
    there.model.params["readout.W"][...] = np.inf
    with pytest.raises(RunFailed, match="the loss is not finite"):
        list(there.train())


def test_the_first_parameter_that_is_not_finite_is_named(device):
    _, there = twins(tables())
    there.model.params["rnn.0.b"][...] = np.nan
    before = device.to_host
    with pytest.raises(RunFailed, match=r"the parameter rnn\.0\.b is not finite"):
        there.require_finite_parameters()
    assert device.to_host == before + 1


@pytest.mark.parametrize("embedding", [{}, {"embedding_size": 3}])
@pytest.mark.parametrize("place", ["numpy", "cupy"])
@pytest.mark.parametrize(("part", "wrong", "sentence"), [
    ("x", 4, r"the symbols run from \d to 4, outside 0\.\.3"),
    ("x", -1, r"the symbols run from -1 to 3, outside 0\.\.3"),
    ("y", 4, r"the classes run from \d to 4, outside 0\.\.3"),
    ("y", -1, r"the classes run from -1 to \d, outside 0\.\.3"),
])
def test_a_symbol_or_a_class_out_of_range_is_refused_in_the_same_words_on_both(
    device, place, embedding, part, wrong, sentence
):
    settings, task = config.resolve(tables(**embedding), {"run": {"backend": place}})
    batch = task.batch

    def broken(*args):
        found = batch(*args)
        getattr(found, part)[0, 0] = wrong
        return Batch(found.x, found.y)

    task.batch = broken
    with pytest.raises(UsageError, match=sentence):
        build(settings, task).update(0)


# ---- text


@pytest.mark.parametrize("model", ["lstm", "gru", "urnn"])
def test_generated_text_costs_one_copy_there_and_one_back_per_symbol(device, model):
    host, there = twins(tables(model, embedding_size=3))
    wanted = list(generate(host.model, [1, 2], 6, Sample(seed=1)))
    before = device.to_device, device.to_host
    assert list(generate(there.model, [1, 2], 6, Sample(seed=1))) == wanted
    assert (device.to_device - before[0], device.to_host - before[1]) == (6, 6)


@pytest.mark.parametrize("prompt", [[1, 4], [-1]])
def test_a_prompt_with_a_number_that_is_no_symbol_is_refused(device, prompt):
    for trainer in twins(tables(embedding_size=3)):
        with pytest.raises(UsageError, match=r"the symbols of the prompt run from .* outside 0\.\.3"):
            list(generate(trainer.model, prompt, 3, Sample()))


def test_the_records_of_a_device_are_strict_json(device, tmp_path):
    settings, task = config.resolve(tables("soft-orthogonal-rnn", run={"backend": "cupy"}))
    list(Run.create(tmp_path / "a", settings, task).train())
    for line in (tmp_path / "a" / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(name))
