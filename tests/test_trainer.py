"""The training loop: when it stops, what it carries, what it reports."""

import numpy as np
import pytest

from minirnn import config
from minirnn.metrics import perplexity
from minirnn.tasks.base import Batch
from minirnn.tasks.recall import Recall
from minirnn.trainer import build


def trainer(task=None, **tables):
    settings, found = config.resolve(
        {"task": {"name": "recall", "length": 4}, "model": {"name": "rnn", "hidden_size": 6, "embedding_size": 3}},
        {"train": {"batch_size": 5, "steps": 40, "log_every": 10, "evaluate_every": 2}},
        tables,
    )
    return build(settings, task or found)


def scripted(trainer, values):
    """Let validations return these accuracies, one after the other."""
    supply = iter(values)
    trainer.evaluate = lambda split: {"loss": 1.0, "accuracy": next(supply)}
    return trainer


def test_it_stops_after_as_many_validations_without_improvement_as_patience_says():
    t = scripted(trainer(train={"patience": 3, "stop_at": 2.0}), [0.1, 0.3, 0.2, 0.3, 0.1, 0.9])
    assert [e.step for e in t.train()][-1] == 10
    assert t.finished == "patience"
    assert t.best == 0.3


def test_an_improvement_restarts_the_count():
    t = scripted(trainer(train={"patience": 2, "stop_at": 2.0, "steps": 12}), [0.1, 0.05, 0.2, 0.15, 0.3, 0.3])
    list(t.train())
    assert t.finished == "steps"


def test_it_stops_at_the_goal():
    t = scripted(trainer(train={"stop_at": 0.8}), [0.1, 0.8])
    assert [e.step for e in t.train()][-1] == 4
    assert t.finished == "stop_at"


def test_it_stops_at_a_loss():
    t = trainer(train={"stop_at_loss": 1e9})
    assert [e.step for e in t.train()][-1] == 2
    assert t.finished == "stop_at_loss"


def test_a_goal_may_fall():
    settings, task = config.resolve(
        {"task": {"name": "adding", "length": 4}, "model": {"name": "rnn", "hidden_size": 4}},
        {"train": {"batch_size": 5, "steps": 40, "evaluate_every": 2, "stop_at": 0.1}},
    )
    t = build(settings, task)
    supply = iter([0.5, 0.2, 0.05])
    t.evaluate = lambda split: {"loss": 1.0, "mse": next(supply)}
    assert [e.step for e in t.train()][-1] == 6
    assert t.best == 0.05


def test_the_logged_training_loss_is_the_mean_since_the_last_log():
    t = trainer(train={"steps": 4, "log_every": 2})
    found = []
    update = t.update
    t.update = lambda step: found.append(update(step)) or found[-1]
    logged = [r["loss"] for e in t.train() for r in e.records if r["split"] == "train"]
    totals, counts, _ = np.array(found).T
    assert logged == pytest.approx([totals[:2].sum() / counts[:2].sum(), totals[2:].sum() / counts[2:].sum()])


def test_evaluation_is_the_sum_over_the_split_by_its_count():
    t = trainer()
    y = [t.model.forward(t.task.batch("test", 5, 0, k).x, read=1)[0] for k in range(t.task.batches("test", 5))]
    truth = [t.task.batch("test", 5, 0, k).y for k in range(len(y))]
    correct = sum(np.sum(np.argmax(a, -1) == b) for a, b in zip(y, truth, strict=True))
    assert t.evaluate("test")["accuracy"] == pytest.approx(correct / sum(b.size for b in truth))


def test_evaluation_changes_nothing():
    a, b = trainer(model={"dropout": 0.5}), trainer(model={"dropout": 0.5})
    for _ in range(3):
        a.update(a.step)
        b.update(b.step)
        b.evaluate("valid")
    assert all(np.array_equal(a.model.params[k], b.model.params[k]) for k in a.model.params)


class Continuing(Recall):
    """Batches that continue one another."""

    stateful = True


def test_a_stateful_task_carries_its_state_as_a_value_and_a_checkpoint_holds_it():
    t = trainer(Continuing(length=4))
    t.update(0)
    (h,) = t.carried[0]
    y_carried = t.model.forward(t.task.batch("train", 5, 0, 1).x, t.carried, read=1)[0]
    y_fresh = t.model.forward(t.task.batch("train", 5, 0, 1).x, read=1)[0]
    assert not np.allclose(y_carried, y_fresh)
    assert np.array_equal(t.arrays()["state/0/0"], h)


def test_a_new_pass_starts_without_the_old_state():
    class Short(Continuing):
        evaluation_size = 15                        # three batches a pass

    t = trainer(Short(length=4), train={"batch_size": 5})
    given = []
    hidden = t.model.hidden
    t.model.hidden = lambda x, state, *a, **k: given.append(state is not None) or hidden(x, state, *a, **k)
    for step in range(7):
        t.update(step)
    assert given == [False, True, True, False, True, True, False]


def test_what_a_task_reports_is_a_function_of_the_mean_over_the_whole_split():
    class Reporting(Recall):
        report = {"perplexity": ("loss", perplexity), "error": ("accuracy", lambda share: 1 - share)}

    found = trainer(Reporting(length=4)).evaluate("test")
    assert found["perplexity"] == np.exp(found["loss"])
    assert found["error"] == 1 - found["accuracy"]


def test_a_perplexity_stays_a_number_however_bad_the_model():
    assert np.isfinite(perplexity(1e9))


def test_truncation_updates_once_per_piece_that_is_asked_something():
    t = trainer(train={"bptt": 2})
    steps = []
    step = t.optimizer.step
    t.optimizer.step = lambda params, grads: steps.append(1) or step(params, grads)
    t.update(0)
    assert len(steps) == 1      # four steps in two pieces, of which only the last is read


def test_truncated_values_equal_full_ones():
    t = trainer(train={"bptt": 2})
    x = t.task.batch("train", 5, 0, 0).x
    whole, _, _ = t.model.forward(x)
    state, pieces = None, []
    for piece in Batch(x, x).chunks(3):
        y, state, _ = t.model.forward(piece.x, state)
        pieces.append(y)
    assert np.array_equal(np.concatenate(pieces), whole)
