"""A user's mistake is one sentence on stderr and exit code 2, and every file stays as it was."""

import gzip
import io
import subprocess
import sys
import types

import numpy as np
import pytest

SHORT = ("--quiet", "--length", 6, "--hidden-size", 8, "--batch-size", 4, "--steps", 4)

MISTAKES = {
    "unknown command": (("rnu",), "did you mean 'run'?"),
    "unknown task": (("run", "recal"), "did you mean 'recall'?"),
    "no task": (("run",), "name one of: adding, copy, kth-largest"),
    "unknown model": (("run", "recall", "--model", "lstn"), "did you mean 'lstm'?"),
    "unknown cell": (("run", "recall", "--cell", "elmann"), "did you mean 'elman'?"),
    "unknown activation": (("run", "recall", "--activation", "tahn"), "did you mean 'tanh'?"),
    "unknown parametrization": (("run", "recall", "--parametrization", "expmp"), "did you mean 'expmap'?"),
    "unknown rule": (("run", "recall", "--rule", "adma"), "did you mean 'adam'?"),
    "unknown kind": (("list", "modls"), "did you mean 'models'?"),
    "unknown component": (("gradcheck", "lstn"), "did you mean 'lstm'?"),
    "unknown layout": (("run", "sequential-mnist", "--layout", "pixel"), "pixels, pooled, rows"),
    "unknown backend": (("run", "recall", "--backend", "cuda"), "numpy, cupy, auto"),
    "option of another task": (("run", "recall", "--layout", "rows"), "choose one of: length, values"),
    "option of another model": (("run", "recall", "--model", "lstm", "--cell", "elman"), "no option of the model lstm"),
    "hidden size 0": (("run", "recall", "--hidden-size", 0), "hidden_size must be at least 1 (got 0)"),
    "negative length": (("run", "recall", "--length", -3), "length must be a whole number from 2"),
    "length too short": (("run", "recall", "--length", 1), "length must be a whole number from 2"),
    "length without digits": (("run", "recall", "--length", "x"), "not a valid integer"),
    "batch size 0": (("run", "recall", "--batch-size", 0), "train.batch_size must be at least 1"),
    "negative rate": (("run", "recall", "--lr", -1), "optimizer.lr must be positive (got -1.0)"),
    "dropout 1": (("run", "recall", "--dropout", 1), "dropout must lie in [0, 1) (got 1.0)"),
    "unknown table": (("run", "recall", "--set", "optimzer.lr=1"), "did you mean 'optimizer'?"),
    "unknown key": (("run", "recall", "--set", "optimizer.rl=1"), "no option of the optimizer called 'rl'"),
    "wrong type": (("run", "recall", "--set", "optimizer.lr=fast"), "must be of type float (got 'fast')"),
    "no assignment": (("run", "recall", "--set", "lr"), "TABLE.KEY=VALUE"),
    "rule's unknown option": (("run", "recall", "--set", "optimizer.options.beta=1"), "optimizer.options"),
    "missing data": (("run", "sequential-mnist", "--data-dir", "nowhere"), "train-images-idx3-ubyte"),
    "missing config": (("run", "--config", "none.toml"), "cannot read the configuration none.toml"),
    "resume nothing": (("run", "--resume", "nowhere"), "not the folder of a run"),
    "missing file": (("gradcheck", "my_cell.py"), "my_cell.py"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_one_sentence_exit_code_2_and_no_file(minirnn, tmp_path, words, sentence):
    result = minirnn(*words)
    assert result.code == 2
    assert sentence in result.err
    assert "Traceback" not in result.err
    assert result.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_that_exists_is_left_alone(minirnn, tmp_path, contents):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    before = contents(tmp_path)
    result = minirnn("run", "recall", *SHORT, "--dir", "a")
    assert result.code == 2
    assert "--resume a" in result.err
    assert contents(tmp_path) == before


def test_a_run_folder_that_cannot_be_written(minirnn, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = minirnn("run", "recall", *SHORT, "--dir", "file/a")
    assert result.code == 2
    assert "cannot write the run to file/a" in result.err
    assert (tmp_path / "file").read_text() == "mine"


def _truncated(good: bytes) -> bytes:
    return good[: len(good) // 2]


def _flipped(good: bytes) -> bytes:
    k = good.index(b"param/rnn.0.U.npy") + 200
    return good[:k] + bytes(b ^ 0xFF for b in good[k : k + 8]) + good[k + 8 :]


def _pickled(good: bytes) -> bytes:
    file = io.BytesIO()
    np.savez(file, about=np.array([{"format": 1}], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize(
    "damage", [_truncated, _flipped, _pickled, lambda good: b"", lambda good: b"not an npz at all"],
    ids=["truncated", "flipped bytes", "pickled objects", "empty", "foreign"],
)
def test_a_damaged_checkpoint_is_refused_and_left_alone(minirnn, tmp_path, contents, damage):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    path = tmp_path / "a/checkpoint.npz"
    path.write_bytes(damage(path.read_bytes()))
    before = contents(tmp_path)
    result = minirnn("run", "--resume", "a", "--steps", 8)
    assert result.code == 2
    assert "truncated or no minirnn checkpoint" in result.err
    assert contents(tmp_path) == before


def test_another_models_checkpoint_is_refused_and_left_alone(minirnn, tmp_path, contents):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    minirnn("run", "recall", *SHORT, "--model", "lstm", "--dir", "b")
    (tmp_path / "a/checkpoint.npz").write_bytes((tmp_path / "b/checkpoint.npz").read_bytes())
    before = contents(tmp_path)
    result = minirnn("run", "--resume", "a", "--steps", 8)
    assert result.code == 2
    assert "belongs to another model" in result.err
    assert contents(tmp_path) == before


def test_a_finished_run_says_how_to_go_on(minirnn, tmp_path, contents):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    before = contents(tmp_path)
    result = minirnn("run", "--resume", "a")
    assert result.code == 2
    assert "give --steps above that" in result.err
    assert contents(tmp_path) == before


def test_resuming_cannot_change_what_the_run_is(minirnn, tmp_path):
    minirnn("run", "recall", *SHORT, "--dir", "a")
    result = minirnn("run", "--resume", "a", "--steps", 8, "--lr", 1)
    assert result.code == 2
    assert "cannot change optimizer.lr" in result.err


@pytest.mark.parametrize(
    "content", [b"P5 28 28", gzip.compress(b"\0" * 100), gzip.compress(bytes(10_000))[:30]],
    ids=["foreign", "foreign inside gz", "truncated gz"],
)
def test_a_damaged_data_file_is_named_and_left_alone(minirnn, tmp_path, contents, content):
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(content)
    before = contents(tmp_path)
    result = minirnn("run", "sequential-mnist", "--data-dir", tmp_path)
    assert result.code == 2
    assert "train-images-idx3-ubyte.gz" in result.err
    assert contents(tmp_path) == before


def _fake_cupy(driver: int, devices: int):
    cupy = types.ModuleType("cupy")
    runtime = types.SimpleNamespace(
        driverGetVersion=lambda: driver, runtimeGetVersion=lambda: 12090, getDeviceCount=lambda: devices
    )
    cupy.cuda = types.SimpleNamespace(runtime=runtime)
    cupy.__version__ = "14.2.0"
    return cupy


@pytest.mark.parametrize(
    ("module", "reason"),
    [(None, "CuPy is not installed"), (_fake_cupy(0, 0), "no NVIDIA driver"), (_fake_cupy(12090, 0), "no device")],
    ids=["no cupy", "no driver", "no device"],
)
def test_cupy_that_cannot_be_used_is_never_replaced_in_silence(minirnn, tmp_path, monkeypatch, module, reason):
    monkeypatch.setitem(sys.modules, "cupy", module)
    result = minirnn("run", "recall", *SHORT, "--backend", "cupy", "--dir", "a")
    assert result.code == 2
    assert reason in result.err
    assert list(tmp_path.iterdir()) == []
    auto = minirnn("run", "recall", *SHORT, "--backend", "auto", "--dir", "a")
    assert auto.code == 0
    assert reason in auto.err


def test_the_launchers_agree(tmp_path):
    by_module = subprocess.run([sys.executable, "-m", "minirnn", "--version"], capture_output=True, text=True)
    assert by_module.returncode == 0
    assert by_module.stdout.startswith("minirnn, version")
