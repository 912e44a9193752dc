"""Whole networks on odd batches: masks, one step, one sequence, one unit; and the rules, tasks and diagnostics."""

import inspect
import json

import numpy as np
import pytest
from fuzzing import LAYOUT, LAYOUTS, SEEDS, examples, fuzz
from hypothesis import strategies as st

from minirnn import catalog, config
from minirnn.diagnostics.base import ask
from minirnn.errors import UsageError
from minirnn.linalg import orthogonality_error
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.rows import Rows
from minirnn.tasks.base import Batch
from minirnn.trainer import build

MODELS, LOSSES = list(catalog.components("models")), catalog.components("losses")
SIZES = st.integers(1, 6)
GARBAGE = st.sampled_from([0.0, 1e300, -1e300, np.nan, np.inf, -np.inf])


def batch(loss, K, B, classes, rng, share):
    """What is asked of a batch, and a mask that keeps about this share of it: all, some, or nothing."""
    symbols = issubclass(loss, SoftmaxCrossEntropy)
    target = rng.integers(0, classes, (K, B)) if symbols else rng.standard_normal((K, B, classes))
    return Batch(None, target, (rng.random((K, B)) < share).astype(float))


def masked_positions_have_no_say(loss, K, B, classes, seed, share, garbage):
    """Whatever stands at a masked position, in y and in a real target, value and gradient are the same bits."""
    rng = np.random.default_rng(seed)
    asked = batch(loss, K, B, classes, rng, share)
    y = rng.standard_normal((K, B, classes))
    value, cache = loss().forward(y, asked)
    dy = loss().backward(cache)
    off = asked.mask == 0
    target = asked.y if asked.y.dtype.kind == "i" else np.where(off[..., None], garbage, asked.y)
    with np.errstate(all="ignore"):
        again, cache = loss().forward(np.where(off[..., None], garbage, y), Batch(None, target, asked.mask))
        d_again = loss().backward(cache)
    assert np.isfinite(value)
    assert again == value
    assert np.array_equal(d_again, dy)
    assert not dy[off].any()
    assert value == 0 or not off.all()


def odd_batch(model, n, steps, size, layers, seed, share):
    """Loss and gradients of a network of n units are finite and fit its parameters; padding is not read."""
    rng = np.random.default_rng(seed)
    try:
        net = catalog.find("models", model)(4, 4, n, rng=rng, symbols=True, layers=layers, dtype=np.float64)
    except UsageError:                                              # not of this size
        return
    lengths = np.where(rng.random(size) < share, rng.integers(1, steps + 1, size), 0)
    mask = np.arange(steps)[:, None] < lengths
    x, y = rng.integers(0, 4, (2, steps, size))
    other = np.where(mask, x, 3 - x)                                # other symbols in the padding
    found = []
    for symbols in (x, other):
        scores, _, tape = net.forward(symbols)
        value, cache = SoftmaxCrossEntropy().forward(scores, Batch(symbols, y, mask))
        grads = net.backward(SoftmaxCrossEntropy().backward(cache), tape)
        found.append((value, {k: g.dense(net.params[k]) if isinstance(g, Rows) else g for k, g in grads.items()}))
    assert np.isfinite(found[0][0])
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12, abs=1e-12)
    assert found[0][1].keys() == net.params.keys()
    for name, g in found[0][1].items():
        assert g.shape == net.params[name].shape
        assert g.dtype == net.params[name].dtype
        assert np.all(np.isfinite(g))
        np.testing.assert_allclose(found[1][1][name], g, rtol=1e-9, atol=1e-11)
        assert mask.any() or name.startswith("rnn") or not g.any()


@pytest.mark.promise("masks")
@examples(30, 600)
@pytest.mark.parametrize("name", LOSSES)
def test_what_stands_at_a_masked_position_enters_neither_loss_nor_gradient(name, examples, tried):
    shares = st.sampled_from([0.0, 0.3, 0.7, 1.0])
    fuzz(tried, examples, lambda *drawn: masked_positions_have_no_say(LOSSES[name], *drawn),
         SIZES, SIZES, SIZES, SEEDS, shares, GARBAGE)


@pytest.mark.promise("odd-batches")
@examples(3, 60)
@pytest.mark.parametrize("model", MODELS)
def test_a_network_takes_one_step_one_sequence_one_unit_and_masks_that_ask_for_nothing(model, examples, tried):
    steps, shares = st.sampled_from([1, 2, 16, 17]), st.sampled_from([0.0, 0.5, 1.0])
    fuzz(tried, examples, lambda *drawn: odd_batch(model, *drawn),
         st.integers(1, 9), steps, st.integers(1, 4), st.integers(1, 2), SEEDS, shares)


def moved(rule, rows, columns, seed, dtype, layout):
    """A rule moves a parameter in place, however it and its gradient lie in memory; zero gradients are harmless."""
    rng = np.random.default_rng(seed)
    Rule = catalog.find("rules", rule)
    start = np.linalg.qr(rng.standard_normal((rows, rows)))[0][:, : columns if "euclidean" in Rule.manifolds else rows]
    gradient, ends = rng.standard_normal(start.shape).astype(dtype), []
    for lay in (np.ascontiguousarray, LAYOUTS[layout]):
        own = Rule(lr=0.1)
        x = start.astype(dtype) if layout == "read-only" else lay(start.astype(dtype))
        for g in (np.zeros_like(gradient), gradient):
            own.step("x", x, lay(g))
        assert x.dtype == dtype
        assert np.all(np.isfinite(x))
        if "stiefel" in Rule.manifolds:
            assert orthogonality_error(x) <= (1e-4 if dtype == np.float32 else 1e-12)
        ends.append(x)
    np.testing.assert_allclose(ends[1], ends[0], rtol=0, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.promise("odd-layouts")
@examples(8, 100)
@pytest.mark.parametrize("rule", catalog.components("rules"))
def test_a_rule_moves_parameters_of_every_shape_and_layout(rule, examples, tried):
    dtypes = st.sampled_from([np.float32, np.float64])
    fuzz(tried, examples, lambda *drawn: moved(rule, *drawn), SIZES, st.integers(1, 1), SEEDS, dtypes, LAYOUT)


GENERATED = [name for name in catalog.components("tasks") if name in ("adding", "copy", "kth-largest", "recall")]


def well_formed(task, split, size, seed, step):
    """A batch is what its task says: shapes, symbols and classes in range, features finite, and the same again."""
    x, y = (made := task.batch(split, size, seed, step)).x, made.y
    assert x.shape[1] == y.shape[1] == size
    assert len(y) == (task.read_last or len(x))
    if task.symbols:
        assert x.dtype.kind in "iu"
        assert 0 <= x.min() <= x.max() < task.n_in
    else:
        assert x.shape[2] == task.n_in
        assert np.all(np.isfinite(x))
    if y.dtype.kind in "iu":
        assert 0 <= y.min() <= y.max() < task.n_out
    again = task.batch(split, size, seed, step)
    assert np.array_equal(again.x, x)
    assert np.array_equal(again.y, y)
    assert made.asked > 0


@pytest.mark.promise("odd-batches")
@examples(10, 300)
@pytest.mark.parametrize("name", GENERATED)
def test_a_task_gives_well_formed_batches_of_every_size(name, examples, tried):
    def check(split, size, seed, step, length):
        try:
            task = catalog.find("tasks", name)(length=length)
        except UsageError:                                          # too short for this task
            return
        well_formed(task, split, size, seed, step)

    fuzz(tried, examples, check, st.sampled_from(["train", "valid", "test"]), SIZES, SEEDS, st.integers(0, 2**40),
         st.integers(1, 40))


@pytest.mark.promise("odd-batches")
@examples(4, 40)
@pytest.mark.parametrize("name", catalog.components("diagnostics"))
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_a_diagnostic_answers_in_numbers_or_in_a_sentence(name, examples, tried):
    def check(model, n, length, size, seed):
        tables = {"task": {"name": "recall", "length": length}, "model": {"name": model, "hidden_size": n},
                  "train": {"batch_size": size}, "run": {"seed": seed, "dtype": "float64"}}
        try:
            subject = build(*config.resolve(tables)).subject(0, examples=size)
            found = ask(catalog.find("diagnostics", name)(), subject)
        except UsageError as error:
            said = str(error)
            found = {} if said and "\n" not in said else {"said": float("nan")}
        json.dumps(found, allow_nan=False)

    few = st.integers(1, 3)
    fuzz(tried, examples, check, st.sampled_from(MODELS), st.integers(1, 4), st.integers(2, 5), few, SEEDS)


@pytest.mark.promise("odd-batches")
@examples(20, 300)
@pytest.mark.parametrize("name", catalog.components("schedules"))
def test_a_schedule_stays_between_0_and_1_at_every_step(name, examples, tried):
    def check(steps, step, share, values):
        Kind = catalog.find("schedules", name)
        options = {"steps": steps, "every": steps, "first": steps, "final": share, "decay": share}
        known = inspect.signature(Kind).parameters
        schedule = Kind(**{key: value for key, value in options.items() if key in known})
        for value in values if schedule.watches else ():
            schedule.observe(value)
        assert 0 <= schedule.factor(step) <= 1

    fuzz(tried, examples, check, st.integers(1, 2**40), st.integers(0, 2**62), st.floats(0, 1), st.lists(st.floats()))


# -- planted violations


class Unmasked(SoftmaxCrossEntropy):
    """Forgets the mask on the way back."""

    def total(self, y, batch, spent=False, N=None):
        total, count, _ = super().total(y, batch, N=N)
        _, _, dy = super().total(y, Batch(None, batch.y), N=count if N is None else N)
        return total, count, dy


class Multiplying(MeanSquaredError):
    """Masks by a product, and 0 · NaN is NaN."""

    def total(self, y, batch, spent=False, N=None):
        r, mask = y - batch.y, batch.mask[..., None]
        return np.sum(r * r * mask), np.maximum(np.sum(mask) * y.shape[-1], 1), (r, mask, 1)


@pytest.mark.control("masks")
@pytest.mark.parametrize(("planted", "garbage"), [(Unmasked, 0.0), (Multiplying, np.nan)])
def test_a_mask_ignored_in_one_backward_or_only_multiplied_is_caught(planted, garbage):
    with pytest.raises(AssertionError):
        masked_positions_have_no_say(planted, 4, 3, 5, 0, 0.5, garbage)


@pytest.mark.control("odd-batches")
def test_a_task_that_counts_its_classes_from_1_is_caught():
    Recall = catalog.find("tasks", "recall")
    Shifted = type("Shifted", (Recall,), {"batch": lambda self, *a: Recall.batch(self, *a).map(lambda x: x + 1)})
    for seed in range(20):
        well_formed(Recall(length=5), "train", 30, seed, 0)
    with pytest.raises(AssertionError):
        well_formed(Shifted(length=5), "train", 30, 0, 0)
