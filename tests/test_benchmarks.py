"""The benchmark counts flops as stated, refuses to time a peer that computes something else, and does without peers."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))    # benchmarks are run from the repository, never installed

from benchmarks import __main__ as program
from benchmarks.engines import check_agreement, read_reference, worst_difference, write_reference
from benchmarks.workloads import WORKLOADS, Workload
from minirnn.errors import UsageError

TINY = Workload("tiny", "a few steps", "lstm", T=3, m=2, n=4, classes=3, read=2, B=2, bar=0.5)


@pytest.mark.parametrize(("name", "gigaflops"), [("W1", "1.21"), ("W2", "17.8"), ("W3", "3.87"), ("W4", "4.63")])
def test_gemm_flops_are_the_stated_ones(name, gigaflops):
    assert f"{WORKLOADS[name].gemm_flops / 1e9:.3g}" == gigaflops


@pytest.mark.parametrize("workload", [*WORKLOADS.values(), TINY], ids=lambda w: w.name)
def test_data_have_the_stated_shapes(workload):
    X, y = workload.data()
    assert X.shape == (workload.T, workload.B, workload.m)
    assert X.dtype == np.float32
    assert y.shape == (workload.read, workload.B)
    assert 0 <= y.min() <= y.max() < workload.classes


@pytest.fixture
def gradients():
    rng = np.random.default_rng(0)
    return {"rnn.0.W": rng.standard_normal((4, 4), dtype=np.float32), "readout.b": np.ones(3, dtype=np.float32)}


def _engine(L, grads):
    return SimpleNamespace(loss_and_gradients=lambda: (L, grads), versions="peer 1.0")


def test_rounding_is_agreement(gradients):
    rounded = {name: g * np.float32(1 + 1e-6) for name, g in gradients.items()}
    answer = check_agreement(_engine(2.0, rounded), 2.0, gradients)
    assert answer["ready"] == "peer 1.0"
    assert 0 < answer["worst"] < 1e-5


@pytest.mark.parametrize("plant", [lambda g: 1.001 * g, np.negative, np.zeros_like, lambda g: np.nan * g])
def test_a_wrong_gradient_is_named(gradients, plant):
    wrong = gradients | {"rnn.0.W": plant(gradients["rnn.0.W"])}
    assert check_agreement(_engine(2.0, wrong), 2.0, gradients)["wrong"].startswith("rnn.0.W differs")


def test_a_wrong_loss_is_named(gradients):
    assert check_agreement(_engine(2.001, gradients), 2.0, gradients)["wrong"].startswith("the loss differs")


def test_a_missing_gradient_is_no_agreement(gradients):
    with pytest.raises(ValueError, match="cannot be compared"):
        worst_difference(2.0, {"rnn.0.W": gradients["rnn.0.W"]}, 2.0, gradients)


def test_a_peer_reads_what_minirnn_wrote(tmp_path, gradients):
    weights = {"rnn.0.W": np.eye(4), "readout.b": np.zeros(3)}
    engine = SimpleNamespace(loss_and_gradients=lambda: (2.5, gradients), model=SimpleNamespace(params=weights))
    write_reference(tmp_path / "reference.npz", engine)
    weights_read, L, gradients_read = read_reference(tmp_path / "reference.npz")
    assert L == 2.5
    for written, read in ((weights, weights_read), (gradients, gradients_read)):
        assert written.keys() == read.keys()
        assert all(np.array_equal(written[name], read[name]) for name in written)


def _measure(monkeypatch, folder, torch):
    """A round of TINY where `import torch` runs the given lines."""
    (folder / "torch.py").write_text(torch)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    say = Console(file=(folder / "said").open("w", encoding="utf-8"), width=1000)
    with say.file:
        result = program.measure(TINY, threads=1, rounds=2, peer_python=sys.executable, say=say)
    return result, (folder / "said").read_text(encoding="utf-8")


def test_a_round_runs_without_torch_and_says_so(monkeypatch, tmp_path):
    result, said = _measure(monkeypatch, tmp_path, "raise ImportError('no torch here')")
    assert "torch is skipped" in said
    assert "no torch here" in said
    assert "no torch here" in result.skipped["torch"]
    assert [*result.ms] == ["minirnn"]
    assert len(result.ms["minirnn"]) == 2
    assert result.gemm_ratio() > 0
    assert result.holds() is None
    assert json.loads(json.dumps(result.summary()))["workload"]["name"] == "tiny"


def test_an_interpreter_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="MINIRNN_BENCH_PEER_PYTHON"):
        program.Worker("torch", str(tmp_path / "python"), TINY, 1, tmp_path / "reference.npz")


@pytest.mark.parametrize(("torch_ms", "exit_code"), [([4.0, 4.0, 4.0], 0), ([1.0, 1.0, 4.0], 3), (None, 0)])
def test_a_missed_bar_is_exit_code_3(monkeypatch, tmp_path, torch_ms, exit_code):
    ms = {"minirnn": [1.0, 1.0, 1.0]} | ({"torch": torch_ms} if torch_ms else {})
    result = program.Result(TINY, 1, ms=ms, gemm_rates=[1e9, 1e9, 1e9])
    monkeypatch.setattr(program, "measure", lambda workload, **options: result)
    ended = CliRunner().invoke(program.main, ["-w", "W1", "--json", str(tmp_path / "found.json")])
    assert ended.exit_code == exit_code, ended.output
    assert json.loads((tmp_path / "found.json").read_text())["workloads"][0]["holds"] == result.holds()


def test_bars_are_set_for_one_thread():
    ms = {"minirnn": [1.0], "torch": [1.0]}
    assert program.Result(TINY, 1, ms=ms).holds() is False
    assert program.Result(TINY, 2, ms=ms).holds() is None
