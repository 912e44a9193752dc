"""What every task must satisfy: pure batches, time first, plain dtypes, chunks without loss, an honest baseline."""

import inspect

import numpy as np
import pytest

from minirnn import catalog
from minirnn.errors import UsageError
from minirnn.tasks.base import SPLITS, Batch, Task, whole_number

NAMES = list(catalog.components("tasks"))


@pytest.fixture(params=NAMES)
def task(request, data_folder):
    return _build(request.param, data_folder)


def _build(name, data_folder, **options):
    cls = catalog.find("tasks", name)
    if "data_dir" in inspect.signature(cls).parameters:
        options["data_dir"] = data_folder
    return cls(**options)


def _arrays(batch):
    return [a for a in (batch.x, batch.y, batch.mask) if a is not None]


def _same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(_arrays(one), _arrays(other), strict=True))


def test_the_tasks_of_the_papers_are_discovered():
    assert {"adding", "copy", "kth-largest", "recall"} <= set(NAMES)
    assert {"permuted-mnist", "ptb-char", "ptb-word", "sequential-mnist"} <= set(NAMES)


@pytest.mark.parametrize("split", SPLITS)
def test_a_batch_is_a_function_of_its_arguments(task, split):
    first = task.batch(split, 5, 3, 1)
    kept = Batch(first.x.copy(), first.y.copy(), first.mask)
    for other in [(s, 4, seed, step) for s in SPLITS for seed in (0, 3) for step in (0, 1, 40)]:
        task.batch(*other)
    assert _same(task.batch(split, 5, 3, 1), kept)
    first.x[:], first.y[:] = 0, 0                   # the caller may write on what it was given
    assert _same(task.batch(split, 5, 3, 1), kept)


def test_a_second_instance_gives_the_same_batches(request, data_folder):
    for name in NAMES:
        one, other = _build(name, data_folder), _build(name, data_folder)
        one.batch("train", 5, 0, 0)
        assert _same(one.batch("train", 5, 7, 90), other.batch("train", 5, 7, 90)), name


def test_step_seed_and_split_change_the_batch(task):
    batch = task.batch("train", 5, 3, 1)
    assert not _same(batch, task.batch("train", 5, 3, 2))
    assert _same(batch, task.batch("train", 5, 4, 1)) == task.stateful      # a running text is not shuffled
    train, valid, test = (task.batch(split, 5, 3, 1) for split in SPLITS)
    assert not _same(train, valid)
    assert not _same(valid, test)
    assert not _same(test, train)


@pytest.mark.parametrize("split", SPLITS)
def test_shapes_are_time_first_and_dtypes_are_plain(task, split):
    batch = task.batch(split, 6, 0, 0)
    T, K = len(batch.x), len(batch.y)
    assert batch.x.shape == ((T, 6) if task.symbols else (T, 6, task.n_in))
    assert (task.read_last or T) == K
    if task.symbols:
        assert batch.x.dtype == np.int64
        assert batch.x.min() >= 0
        assert batch.x.max() < task.n_in
    else:
        assert batch.x.dtype == np.float32
    if task.loss == "mean-squared-error":
        assert batch.y.dtype == np.float32
        assert batch.y.shape == (K, 6, task.n_out)
    else:
        assert batch.y.dtype == np.int64
        assert batch.y.shape == (K, 6)
        assert batch.y.min() >= 0
        assert batch.y.max() < task.n_out
    assert all(a.flags.c_contiguous for a in _arrays(batch))


@pytest.mark.parametrize("length", [1, 3, 7, 10_000, None])
def test_chunks_cover_the_batch_and_keep_targets_at_their_steps(task, length):
    batch = task.batch("train", 3, 0, 0)
    T, K = len(batch.x), len(batch.y)
    pieces = list(batch.chunks(length))
    assert np.array_equal(np.concatenate([piece.x for piece in pieces]), batch.x)
    assert np.array_equal(np.concatenate([piece.y for piece in pieces]), batch.y)
    start = 0
    for piece in pieces:
        assert len(piece.x) <= (length or T)
        start += len(piece.x)
        assert len(piece.y) == min(len(piece.x), max(start - (T - K), 0))   # the last steps of the piece


def test_masks_are_cut_with_the_targets():
    batch = Batch(np.arange(10)[:, None], np.arange(4)[:, None], np.array([[1], [0], [1], [0]]))
    pieces = list(batch.chunks(4))
    assert [len(p.mask) for p in pieces] == [len(p.y) for p in pieces] == [0, 2, 2]
    assert np.array_equal(np.concatenate([p.mask for p in pieces]), batch.mask)


def test_the_loss_and_the_metrics_exist_and_the_goal_is_one_of_them(task):
    catalog.find("losses", task.loss)
    assert task.goal[0] in {*task.metrics, *task.report}
    assert task.goal[1] in ("rise", "fall")
    assert set(task.baseline()) >= {"loss", *task.metrics, *task.report}
    assert all(source in {"loss", *task.metrics} for source, _ in task.report.values())
    assert set(task.suggested) == {"model", "optimizer", "train"}
    assert set(task.suggested["train"]) <= {"batch_size", "steps", "evaluate_every", "stop_at", "patience"}
    assert task.summary
    assert task.source


def test_every_option_is_documented(task):
    cls = type(task)
    for option in inspect.signature(cls).parameters:
        assert f"\n{option} " in inspect.getdoc(cls)


def _constant_guess(task, batch):
    """What the baseline's guesser says: it knows the time and the frequencies, and remembers nothing."""
    K, B = batch.y.shape[:2]
    if task.loss == "mean-squared-error":
        return np.ones((K, B, task.n_out))
    if task.read_last is None:                      # copy: certain of the blanks, then indifferent between 1 .. 8
        p = np.full((K, 1, task.n_out), 1e-12)
        p[:-10, :, 0], p[-10:, :, 1:] = 1, 1 / 8
    else:
        p = np.full((K, 1, task.n_out), 1 / task.n_out)
        if hasattr(task, "law"):
            p[:] = task.law() + 1e-300
        elif hasattr(task, "splits"):
            p[:] = np.bincount(task.splits["train"][1], minlength=10) / len(task.splits["train"][1])
    return np.broadcast_to(np.log(p), (K, B, task.n_out))


def test_the_baseline_is_what_the_guesser_without_memory_gets(task):
    if task.vocabulary is not None:
        pytest.skip("counted pair by pair in the tests of the task itself")
    measures = {"loss": catalog.find("losses", task.loss)().total, **task.metrics}
    finite = hasattr(task, "splits")                # one pass over the images is exact; a generator is sampled
    batch_size, steps = (10, task.batches("train", 10)) if finite else (200, 60)
    sums = np.zeros((len(measures), 2))
    for step in range(steps):
        batch = task.batch("train", batch_size, 11, step)
        y = _constant_guess(task, batch)
        sums += [measure(y, batch)[:2] for measure in measures.values()]
    for (measured, count), name in zip(sums, measures, strict=True):
        value = task.baseline()[name]
        # four standard errors: a share has variance p (1 − p) < 1/4, a squared error of two uniform numbers 7/180
        # and k-th largest's −ln p of its own law 0.6
        flat = name == "loss" and task.loss == "softmax-cross-entropy"
        exact = finite or (flat and not hasattr(task, "law"))
        deviation = 0.8 if flat else np.sqrt(1 / 4 if name == "accuracy" else 7 / 180)
        assert abs(measured / count - value) <= (1e-9 if exact else 4 * deviation / np.sqrt(count)), name


@pytest.mark.parametrize("value", [0, -3, 2.0, "5", True, None, [4], 10**30])
def test_what_is_no_whole_number_in_range_is_refused_in_one_sentence(value):
    with pytest.raises(UsageError, match=r"length must be a whole number from 1 to 1,000,000 \(got .*\): reason;") as e:
        whole_number("length", value, 1, "reason")
    assert "\n" not in str(e.value)


def test_whole_numbers_pass_as_plain_integers():
    assert type(whole_number("length", np.int64(3), 1, "reason")) is int


def test_streams_of_different_batches_are_independent():
    class Any(Task):
        batch = batches = baseline = None

    draws = [Any().generator(split, seed, step).random(64) for split in SPLITS for seed in (0, 1) for step in (0, 1)]
    correlations = np.corrcoef(draws)[np.triu_indices(len(draws), 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(64)
