"""The benchmark counts flops as stated, refuses to time a peer that computes something else, and does without peers."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minirnn.benchmarks import measure as program
from minirnn.benchmarks import report
from minirnn.benchmarks.engines import Minirnn
from minirnn.benchmarks.torch_peers import gru_from_torch, gru_to_torch
from minirnn.benchmarks.worker import check_agreement, read_reference, worst_difference, write_reference
from minirnn.benchmarks.workloads import GEMM_LIMIT, PLAIN, VARIANTS, WORKLOADS, Comparison, Workload, engines
from minirnn.errors import CheckFailed, RunFailed, UsageError

TINY = Workload("tiny", "a few steps", "lstm", T=3, m=2, n=4, classes=3, read=2, B=2, steps=1)
TINY_WORDS = Workload("tiny", "a few words", "gru", T=3, m=2, n=4, classes=5, read=3, B=2, words=True, steps=1)
OURS = Comparison("tiny", "minirnn", "torch", must=0.5, aim=0.4)
RESULTS = Path(__file__).parents[1] / "docs" / "results"
FLOPS = [("W1", "1.21"), ("W2", "17.8"), ("W3", "3.87"), ("W4", "4.63"), ("W5", "39.65")]


@pytest.mark.parametrize(("name", "gigaflops"), FLOPS)
def test_gemm_flops_are_the_stated_ones(name, gigaflops):
    assert f"{WORKLOADS[name].gemm_flops / 1e9:.{len(gigaflops) - 1}g}" == gigaflops


@pytest.mark.parametrize("workload", [*WORKLOADS.values(), TINY, TINY_WORDS], ids=lambda w: f"{w.name} {w.cell}")
def test_data_have_the_stated_shapes(workload):
    X, y = workload.data()
    assert X.shape == ((workload.T, workload.B) if workload.words else (workload.T, workload.B, workload.m))
    assert X.dtype == (np.int64 if workload.words else np.float32)
    assert y.shape == (workload.read, workload.B)
    assert 0 <= y.min() <= y.max() < workload.classes


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_peer_starts_from_an_engine_that_runs_before_it(name):
    turns = engines(name, variants=True)
    for k, (engine, starts) in enumerate(turns.items()):
        assert starts in [*turns][: k + 1], engine
        assert starts.startswith("minirnn")


def test_every_workload_has_a_bar_and_a_limit_and_every_bar_an_aim():
    assert {c.workload for c in PLAIN if c.peer == GEMM_LIMIT} == set(WORKLOADS)
    for c in (*PLAIN, *VARIANTS):
        assert (c.must is None) == (c.aim is None)
        assert c.must is None or c.aim < c.must


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


@pytest.mark.parametrize("change", [lambda g: {"rnn.0.W": g["rnn.0.W"]}, lambda g: g | {"h0": g["readout.b"]}])
def test_a_missing_or_a_foreign_gradient_is_no_agreement(gradients, change):
    with pytest.raises(ValueError, match="cannot be compared"):
        worst_difference(2.0, change(gradients), 2.0, gradients)


@pytest.mark.parametrize("left_out", ["rnn.0.W", "rnn.0.W.A"])
def test_a_matrix_is_compared_by_itself_or_by_its_coordinates(gradients, left_out):
    both = gradients | {"rnn.0.W.A": np.ones((4, 4))}
    own = {name: g for name, g in both.items() if name != left_out}
    assert worst_difference(2.0, own, 2.0, both)[0] == 0


def test_a_peer_reads_what_minirnn_wrote(tmp_path, gradients):
    weights = {"rnn.0.W": np.eye(4), "readout.b": np.zeros(3)}
    write_reference(tmp_path / "reference.npz", weights, 2.5, gradients)
    weights_read, L, gradients_read = read_reference(tmp_path / "reference.npz")
    assert L == 2.5
    for written, read in ((weights, weights_read), (gradients, gradients_read)):
        assert written.keys() == read.keys()
        assert all(np.array_equal(written[name], read[name]) for name in written)


def test_the_reference_has_the_matrix_and_its_gradient_beside_the_coordinates():
    small = Workload("small", "", "elman", T=4, m=2, n=6, classes=3, read=4, B=3)
    engine = Minirnn(small, 1, "expmap")
    weights, _, grads = engine.reference()
    p = engine.model.layers[0].matrices["W"]
    W, cache = p.matrix()
    np.testing.assert_array_equal(weights["rnn.0.W"], W)
    np.testing.assert_array_equal(p.pullback(grads["rnn.0.W"], cache)["A"], grads["rnn.0.W.A"])


def test_torchs_gru_is_minirnns_with_other_names_and_signs():
    engine = Minirnn(TINY_WORDS, 1)
    weights, _, grads = engine.reference()
    there = gru_to_torch(weights)
    assert {name: x.shape for name, x in there.items()} == {
        "weight_ih_l0": (12, 2), "weight_hh_l0": (12, 4), "bias_ih_l0": (12,), "bias_hh_l0": (12,)
    }
    back = gru_from_torch(there)                                    # gradients change sign with their parameters
    assert back.keys() == grads.keys() - {"embedding.E", "readout.W", "readout.b"}
    assert all(np.array_equal(back[name], weights[name]) for name in back)


def _measure(monkeypatch, folder, torch, workload=TINY):
    """Two rounds where `import torch` runs the given lines."""
    (folder / "torch.py").write_text(torch)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(program, "engines", lambda name, variants: {"minirnn": "minirnn", "torch": "minirnn"})
    monkeypatch.setattr(program, "comparisons", lambda name, variants: [OURS])
    monkeypatch.setattr(program, "GEMM_SIZE", 32)
    said = []
    found = program.measure(
        workload, variants=False, threads=1, rounds=2, peer_python=sys.executable, say=said.append
    )
    return found, "\n".join(said)


@pytest.mark.parametrize("workload", [TINY, TINY_WORDS], ids=lambda w: w.cell)
def test_rounds_run_without_torch_and_say_so(monkeypatch, tmp_path, workload):
    result, said = _measure(monkeypatch, tmp_path, "raise ImportError('no torch here')", workload)
    assert "torch is skipped" in said
    assert "no torch here" in result.skipped["torch"]
    assert [*result.ms] == [GEMM_LIMIT, "minirnn"]
    assert all(len(ms) == 2 and min(ms) > 0 for ms in result.ms.values())
    before, most = result.memory["minirnn"]
    assert 0 < before <= most
    assert result.comparisons() == []
    assert json.loads(json.dumps(result.summary()))["workload"]["name"] == "tiny"


def test_an_engine_that_dies_is_named(monkeypatch, tmp_path):
    with pytest.raises(RunFailed, match="torch worker ended"):
        _measure(monkeypatch, tmp_path, "import os; os._exit(5)")


def test_an_interpreter_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="MINIRNN_BENCH_PEER_PYTHON"):
        program.Worker("torch", str(tmp_path / "python"), TINY, 1, tmp_path / "reference.npz")


def _result(monkeypatch, ours, theirs, threads=1):
    monkeypatch.setattr(program, "comparisons", lambda name, variants: [OURS])
    return program.Result(TINY, threads, ms={"minirnn": ours, "torch": theirs})


@pytest.mark.parametrize(("theirs", "holds"), [([4.0, 4.0, 4.0], True), ([1.0, 1.0, 4.0], False)])
def test_a_bar_is_met_by_the_median_of_the_ratios(monkeypatch, theirs, holds):
    result = _result(monkeypatch, [1.0, 1.0, 1.0], theirs)
    assert result.holds(OURS) is holds
    assert result.missed() == ([] if holds else ["minirnn / torch on tiny"])


def test_bars_are_set_for_one_thread(monkeypatch):
    assert _result(monkeypatch, [1.0], [1.0], threads=2).holds(OURS) is None


def test_the_page_is_a_function_of_the_numbers(monkeypatch):
    result = _result(monkeypatch, [1.0, 1.0, 1.0], [2.5, 4.0, 5.0])
    parts = {"tiny": dict.fromkeys(("step", *report.PARTS), 2.0) | {"products_called": 7, "others_called": 8}}
    text = report.page(json.loads(json.dumps(report.found([result], 3, "2026-01-01", 0.5, parts))))
    assert "| tiny | free matrix | 1.0 | torch | 4.0 | 0.250 (0.200 to 0.400) | 0.50 |" in text
    assert "| 0.50 | 0.40 | yes, and the aim |" in text
    assert "Bars that hold: 1 of 1; aims reached: 1." in text
    assert "| tiny | 2.0 | 2.0 (100%)" in text
    assert report.processor() in text


def test_the_page_sets_an_aim_that_was_missed_beside_what_a_steps_own_operations_take(monkeypatch):
    free = program.Comparison("tiny", "minirnn", program.GEMM_LIMIT, 2.5, 1.25)
    constrained = program.Comparison("tiny", "minirnn expmap", "torch", 0.75, 0.5)
    reached = program.Comparison("tiny", "minirnn", "torch", 0.75, 0.5)
    monkeypatch.setattr(program, "comparisons", lambda name, variants: [free, constrained, reached])
    ms = {"minirnn": [8.0], "minirnn expmap": [11.0], "torch": [20.0], program.GEMM_LIMIT: [4.0]}
    parts = {"tiny": dict.fromkeys(report.PARTS, 1.0) | {"step": 8.0, "products_called": 7, "others_called": 8}}
    parts["tiny"] |= {"products": 5.5, "rest": -1.5}            # 9.5 of operations, timed apart
    numbers = json.loads(json.dumps(report.found([program.Result(TINY, 1, ms=ms)], 1, "2026-01-01", 0.5, parts)))
    text = report.page(numbers)
    assert "| tiny | free matrix | GEMM limit | 2.00 | 1.25 | 5.0 | 8.0 | 5.5 | 9.5 | 0.0 |" in text
    assert "| tiny | expmap | torch | 0.55 | 0.50 | 10.0 | 11.0 | 5.5 | 9.5 | 3.0 |" in text
    assert text.count("| free matrix | torch |") == 0               # in the table of the aims: this one was reached


def test_the_committed_page_is_that_of_the_committed_numbers():
    numbers = json.loads((RESULTS / "performance.json").read_text(encoding="utf-8"))
    assert (RESULTS / "performance.md").read_text(encoding="utf-8") == report.page(numbers)


@pytest.fixture
def stand_in(monkeypatch):
    """`minirnn bench` without the measuring; the function sets what is found."""
    from minirnn.cli import bench

    def found(ours, theirs):
        result = _result(monkeypatch, ours, theirs)
        monkeypatch.setattr(bench, "measure", lambda workload, **options: result)

    monkeypatch.setattr(bench, "breakdown", lambda workload: {})
    return found


def _bench(*words):
    from minirnn.cli import _run

    return _run(["bench", *map(str, words)])


@pytest.mark.parametrize(("theirs", "code"), [([4.0], 0), ([1.0], CheckFailed.exit_code)])
def test_a_missed_bar_is_exit_code_3_after_everything_is_written(stand_in, tmp_path, capsys, theirs, code):
    stand_in([1.0], theirs)
    assert _bench("-w", "W1", "--json", tmp_path / "found.json") == code
    written = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert written["results"][0]["comparisons"][0]["holds"] is (code == 0)
    assert ("the bar was missed by minirnn / torch on tiny" in capsys.readouterr().err) is (code == 3)


def test_a_folder_that_is_not_there_is_named_before_anything_is_measured(stand_in, tmp_path, capsys):
    assert _bench("--json", tmp_path / "nowhere" / "found.json") == UsageError.exit_code
    assert "is not a folder" in capsys.readouterr().err
    assert _bench("--write", tmp_path / "nowhere") == UsageError.exit_code


def test_a_workload_that_does_not_exist_is_a_usage_error(capsys):
    assert _bench("-w", "W9") == UsageError.exit_code
    assert "W9" in capsys.readouterr().err
