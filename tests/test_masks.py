"""Masks carry through variable lengths: padding changes nothing, and what is asked of nobody moves nothing."""

import numpy as np
import pytest

from minirnn import catalog, config
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.rows import Rows
from minirnn.tasks.base import Batch
from minirnn.tasks.recall import Recall
from minirnn.trainer import build

LOSS = SoftmaxCrossEntropy()
LENGTHS = [9, 4, 1, 6]


def dense(grads, params):
    return {name: g.dense(params[name]) if isinstance(g, Rows) else g for name, g in grads.items()}


def summed(model, x, y, mask=None):
    """(sum of the loss, its gradient) of a batch."""
    H, _, tape = model.forward(x)
    total, count, cache = LOSS.total(H, Batch(x, y, mask))
    grads = model.backward(LOSS.backward(cache) * count, tape)
    return total, dense(grads, model.params)


@pytest.mark.parametrize("name", catalog.components("models"))
@pytest.mark.parametrize("padding", [0, 3])
def test_a_padded_batch_has_the_gradient_of_its_sequences_unpadded(name, padding):
    model = catalog.find("models", name)(
        5, 5, 4, rng=np.random.default_rng(0), symbols=True, embedding_size=3, layers=2, dtype=np.float64
    )
    rng = np.random.default_rng(1)
    pairs = [rng.integers(0, 5, (2, length, 1)) for length in LENGTHS]
    x, y = np.full((2, max(LENGTHS), len(LENGTHS)), padding)
    mask = np.arange(max(LENGTHS))[:, None] < np.array(LENGTHS)
    for b, (one, other) in enumerate(pairs):
        x[: len(one), b], y[: len(other), b] = one[:, 0], other[:, 0]
    total, grads = summed(model, x, y, mask)
    apart = [summed(model, one, other) for one, other in pairs]
    assert total == pytest.approx(sum(value for value, _ in apart), rel=1e-13)
    for parameter, g in grads.items():
        wanted = sum(found[parameter] for _, found in apart)
        np.testing.assert_allclose(g, wanted, rtol=1e-10, atol=1e-12 * np.abs(wanted).max() + 1e-15, err_msg=parameter)


class Silent(Recall):
    """Two sequences of eight steps; the mask asks nothing of either during the last four."""

    read_last = None

    def batch(self, split, batch_size, seed, step):
        x = np.random.default_rng([seed, step]).integers(0, 10, (8, 2))
        return Batch(x, x, np.arange(8)[:, None] < np.array([4, 3]) if step < 100 else np.zeros((8, 2)))


def trainer(**train):
    settings, _ = config.resolve({
        "task": {"name": "recall", "length": 8}, "model": {"name": "rnn", "hidden_size": 5, "embedding_size": 3},
        "train": {"batch_size": 2, "steps": 4, **train},
    })
    return build(settings, Silent(8))


def copies(trainer):
    return {name: p.copy() for name, p in trainer.model.params.items()}


def test_a_truncated_piece_without_targets_makes_no_update():
    t, whole = trainer(bptt=4), trainer()
    steps = []
    step = t.optimizer.step
    t.optimizer.step = lambda params, grads: steps.append(1) or step(params, grads)
    total, count, _ = t.update(0)
    assert len(steps) == 1
    assert count == 7
    assert total / count == pytest.approx(whole.update(0)[0] / 7, rel=1e-6)    # the other four steps add nothing
    for name, p in t.model.params.items():
        np.testing.assert_allclose(p, whole.model.params[name], rtol=1e-4, atol=1e-6)


def test_its_state_is_carried_on_all_the_same():
    t, whole = trainer(bptt=4), trainer()
    t.update(100)
    whole.update(100)
    np.testing.assert_allclose(t.carried[0][0], whole.carried[0][0], rtol=1e-5)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_batch_that_asks_nothing_leaves_adam_where_it_is(accumulate):
    """Even a zero gradient would move the parameters, by Adam's memory."""
    t = trainer(accumulate=accumulate)
    t.update(0)
    before, memory = copies(t), {k: np.array(x) for k, x in t.optimizer.state_dict().items()}
    assert t.update(100) == (0, 0, 2 * accumulate)
    assert all(np.array_equal(p, before[name]) for name, p in t.model.params.items())
    assert all(np.array_equal(x, memory[k]) for k, x in t.optimizer.state_dict().items())


def test_an_interval_that_asks_nothing_is_logged_without_a_loss():
    t = trainer(log_every=1)
    t.step, t.config = 100, config.resolve({"task": {"name": "recall"}, "train": {"steps": 101, "batch_size": 2}})[0]
    t.evaluate = lambda split: {"loss": 1.0, "accuracy": 0.0}
    (event,) = t.train()
    assert event.records[0]["split"] == "train"
    assert "loss" not in event.records[0]


def test_evaluation_counts_only_what_is_asked():
    t = trainer()
    t.task.batches = lambda split, batch_size: 101
    with_silence = t.evaluate("valid")["loss"]
    t.task.batches = lambda split, batch_size: 100
    assert with_silence == t.evaluate("valid")["loss"]
