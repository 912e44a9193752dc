"""Copy: the layout against a literal transcription, and the symbols against the uniform law."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from minirnn.errors import UsageError
from minirnn.tasks.copy import Copy


@pytest.mark.parametrize("T", [1, 2, 30, 100])
def test_layout_is_symbols_blanks_delimiter_blanks(T):
    batch = Copy(T).batch("train", 6, 0, 0)
    assert batch.x.shape == batch.y.shape == (T + 20, 6)
    for b in range(6):
        symbols = [int(s) for s in batch.x[:10, b]]
        assert all(1 <= s <= 8 for s in symbols)
        assert batch.x[:, b].tolist() == symbols + [0] * (T - 1) + [9] + [0] * 10
        assert batch.y[:, b].tolist() == [0] * (T + 10) + symbols


def test_the_delimiter_announces_the_answer_one_step_ahead():
    batch = Copy(30).batch("train", 1, 0, 0)
    (delimiter,) = np.flatnonzero(batch.x[:, 0] == 9)
    assert np.flatnonzero(batch.y[:, 0])[0] == delimiter + 1


def test_symbols_are_uniform_over_eight_and_independent_of_each_other():
    symbols = Copy(1).batch("train", 5_000, 2, 0).x[:10]
    assert stats.chisquare(np.bincount(symbols.ravel())[1:]).pvalue > 1e-3
    assert stats.chisquare(np.bincount(8 * (symbols[0] - 1) + symbols[1] - 1, minlength=64)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("T", "loss"), [(100, 0.17329), (200, 0.09452), (500, 0.03999), (1000, 0.02039), (2000, 0.01029)]
)
def test_the_baseline_is_ten_symbols_of_uniform_doubt_over_all_steps(T, loss):
    assert Copy(T).baseline() == {"loss": pytest.approx(loss, abs=5e-6), "accuracy": 1 / 8}


def test_accuracy_counts_the_ten_symbols_alone():
    task = Copy(20)
    batch = task.batch("test", 4, 0, 0)
    blanks = np.zeros((40, 4, 9))
    blanks[..., 0] = 1                              # right at 30 of 40 steps, and wrong where it matters
    assert task.metrics["accuracy"](blanks, batch) == (0, 40)
    assert task.metrics["accuracy"](np.eye(9)[batch.y], batch) == (40, 40)


@pytest.mark.parametrize("length", [0, -1, 1.5, "100"])
def test_a_lag_below_one_is_refused(length):
    with pytest.raises(UsageError, match=r"^length must be a whole number from 1 to .*\(got .*\).*set length"):
        Copy(length)


def _literal(symbols, T, variant):
    """(x, y) of one sequence as plain lists, written out from the descriptions of the four layouts."""
    if variant == "exprnn":
        return symbols + [0] * T + [9] + [0] * 9, [0] * (T + 10) + symbols
    if variant == "arjovsky":
        return symbols + [0] * (T - 1) + [9] + [0] * 10, [0] * (T + 10) + symbols
    if variant == "vorontsov":
        values = [float(s) for s in symbols] + [0.0] * (T - 1) + [-1.0] + [0.0] * 10
        return [[v] for v in values], [0] * (T + 10) + symbols
    unit = [[float(i == j) for j in range(11)] for i in range(11)]
    blank = [0.0] * 11
    return [unit[s] for s in symbols] + [blank] * (T - 1) + [unit[10]] + [blank] * 10, symbols


@pytest.mark.parametrize("variant", ["arjovsky", "vorontsov", "exprnn", "dizzy"])
@pytest.mark.parametrize("T", [1, 2, 30])
def test_each_published_layout_agrees_with_its_description(T, variant):
    task = Copy(T, variant)
    batch = task.batch("valid", 7, 3, 2)
    for b in range(7):
        if variant == "dizzy":
            symbols = batch.x[:10, b].argmax(axis=-1).tolist()
            assert all(0 <= s <= 9 for s in symbols)
        else:
            symbols = batch.x[:10, b].reshape(10).astype(int).tolist()
            assert all(1 <= s <= 8 for s in symbols)
        x, y = _literal(symbols, T, variant)
        assert batch.x[:, b].tolist() == x
        assert batch.y[:, b].tolist() == y
    assert (task.n_in, task.n_out, task.symbols, task.read_last) == {
        "arjovsky": (10, 9, True, None), "exprnn": (10, 9, True, None), "vorontsov": (1, 9, False, None),
        "dizzy": (11, 10, False, 10),
    }[variant]
    assert batch.x.dtype == (np.int64 if task.symbols else np.float32)


@pytest.mark.parametrize(("variant", "wait"), [("arjovsky", 1), ("vorontsov", 1), ("exprnn", 0), ("dizzy", 1)])
def test_the_first_answer_is_due_so_long_after_the_delimiter(variant, wait):
    batch = Copy(30, variant).batch("train", 1, 0, 0)
    x = batch.x[:, 0]
    (delimiter,) = np.flatnonzero({"vorontsov": lambda: x[:, 0] == -1, "dizzy": lambda: x[:, 10] == 1}.get(
        variant, lambda: x == 9)())
    assert len(x) - 10 == delimiter + wait


@pytest.mark.parametrize("variant", ["arjovsky", "vorontsov", "exprnn", "dizzy"])
def test_nothing_after_the_symbols_depends_on_them(variant):
    batch = Copy(12, variant).batch("train", 50, 0, 0)
    assert all(np.array_equal(batch.x[10:, b], batch.x[10:, 0]) for b in range(50))


def test_dizzy_is_ten_symbols_of_ten_with_a_lag_of_ninety():
    task = Copy(variant="dizzy")
    batch = task.batch("train", 5_000, 0, 0)
    assert batch.x.shape == (110, 5_000, 11)
    assert np.flatnonzero(batch.x[:, 0, 10]).tolist() == [99]          # the 100th step
    assert stats.chisquare(np.bincount(batch.y.ravel(), minlength=10)).pvalue > 1e-3
    assert task.baseline() == {"loss": pytest.approx(np.log(10)), "accuracy": 1 / 10}


@pytest.mark.parametrize("variant", ["vorontsov", "exprnn"])
def test_the_baseline_of_a_layout_with_blanks_is_the_same(variant):
    assert Copy(100, variant).baseline() == Copy(100).baseline()


@pytest.mark.parametrize("variant", ["", "Arjovsky", None, 1, ["dizzy"]])
def test_unknown_variants_are_refused(variant):
    sentence = r"^variant must be one of arjovsky, vorontsov, exprnn, dizzy \(got .*set variant"
    with pytest.raises(UsageError, match=sentence):
        Copy(variant=variant)


LONG = """
import resource, numpy as np
from minirnn import catalog, memory
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import urnn_exp
from minirnn.tasks.copy import Copy
from threadpoolctl import threadpool_limits
memory.keep_freed_memory()
task, loss = Copy(10_000), SoftmaxCrossEntropy()
model = urnn_exp(task.n_in, task.n_out, 128, rng=np.random.default_rng(0), symbols=True)
with threadpool_limits(1):
    batch = task.batch("train", 50, 0, 0)
    y, _, tape = model.forward(batch.x)
    _, cache = loss.forward(y, batch)
    model.backward(loss.backward(cache), tape)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ru_maxrss counts kilobytes on Linux only")
def test_a_lag_of_ten_thousand_trains_within_one_gibibyte():
    """n = 128, batch 50: three arrays (T, B, n) of 257 MB each (states, pre-activations, ∂L/∂h) and the program."""
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 2**30
