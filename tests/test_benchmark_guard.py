"""`make bench-quick` passes on what was recorded, fails on a planted slowdown, and says what to do."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from minirnn import unroll
from minirnn.benchmarks import guard
from minirnn.benchmarks.workloads import WORKLOADS, Workload

SMALL = Workload("small", "", "elman", T=30, m=2, n=32, classes=3, read=30, B=10, steps=5)
CASES = (("small", ""),)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(WORKLOADS, "small", SMALL)
    monkeypatch.setattr(guard, "GEMM_SIZE", 256)


def test_a_planted_slowdown_is_noticed_and_its_absence_too(small, monkeypatch):
    recorded = guard.record(lambda line: None, CASES)
    assert guard.guard({name: 1.5 * ratio for name, ratio in recorded.items()}, lambda line: None, CASES) == []
    forward = unroll.forward

    def slower(*arguments, **options):
        for _ in range(20):
            forward(*arguments, **options)
        return forward(*arguments, **options)

    monkeypatch.setattr(unroll, "forward", slower)
    (sentence,) = guard.guard(recorded, lambda line: None, CASES)
    assert sentence.startswith("small takes")


@pytest.mark.parametrize(("ratio", "code"), [(2.4, 0), (2.6, 3)])
def test_25_percent_worse_is_exit_code_3_with_advice(monkeypatch, tmp_path, capsys, ratio, code):
    class Stopwatch:
        def __init__(self, workload, parametrization):
            pass

        def ratio(self, rounds):
            return ratio

    recorded = tmp_path / "recorded.json"
    recorded.write_text(json.dumps({guard.processor(): {f"{w} {p}".strip(): 2.0 for w, p in guard.CASES}}))
    monkeypatch.setattr(guard, "Stopwatch", Stopwatch)
    monkeypatch.setattr("sys.argv", ["guard", "--file", str(recorded)])
    assert guard.run() == code
    assert ("--record" in capsys.readouterr().err) is (code == 3)


def test_a_bad_ratio_is_measured_again_before_it_counts(monkeypatch):
    class Stopwatch:
        def __init__(self, workload, parametrization):
            self.ratios = iter((9.0, 9.0, 2.0))

        def ratio(self, rounds):
            return next(self.ratios)

    monkeypatch.setattr(guard, "Stopwatch", Stopwatch)
    assert guard.guard({"small": 2.0}, lambda line: None, CASES) == []


def test_a_processor_without_a_record_is_told_how_to_make_one(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(guard, "processor", lambda: "another one")
    monkeypatch.setattr("sys.argv", ["guard"])
    assert guard.run() == 2
    assert "python -m benchmarks.guard --record" in capsys.readouterr().err


def test_recording_keeps_what_other_processors_have(small, monkeypatch, tmp_path):
    recorded = tmp_path / "recorded.json"
    recorded.write_text('{"another one": {"small": 3.0}}')
    monkeypatch.setattr(guard, "record", lambda say: {"small": 2.0})
    assert CliRunner().invoke(guard.main, ["--record", "--file", str(recorded)]).exit_code == 0
    assert json.loads(recorded.read_text()) == {"another one": {"small": 3.0}, guard.processor(): {"small": 2.0}}


def test_every_recorded_case_is_one_that_is_guarded():
    names = {f"{w} {p}".strip() for w, p in guard.CASES}
    for ratios in json.loads(guard.RECORDED.read_text(encoding="utf-8")).values():
        assert ratios.keys() == names
        assert all(np.isfinite(ratio) and ratio > 0.9 for ratio in ratios.values())
