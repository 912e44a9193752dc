"""What diagnostics say, as columns of a sweep's results."""

import pytest
from small_sweep import tables

from minirnn.reproduction import target
from minirnn.reproduction.diagnosed import diagnosed
from minirnn.sweeps import Ledger, Sweep, plan
from minirnn.sweeps.numbers import numbers, watched
from minirnn.sweeps.results import rows
from minirnn.sweeps.work import execute


def test_scalars_lists_over_time_and_tables_have_names():
    record = {
        "split": "watch", "step": 3, "t": [0, 1, 2], "norm": [5.0, 4.0, None], "values": [1.0, 2.0], "radius": 1,
        "text": "a", "none": None, "endless": float("inf"), "gates": {"i": {"radius": 2}},
        "noise": {"eps": [0.01, 0.3], "loss": [1.5, None]},
    }
    assert numbers(record) == {
        "norm_t0": 5.0, "norm_t1": 4.0, "norm_low": 4.0, "norm_high": 5.0, "radius": 1, "gates_i_radius": 2,
        "noise_loss_0.01": 1.5,
    }


def test_what_was_watched_is_summed_up_over_training_for_the_first_layer():
    seen = [{"split": "watch", "step": k, "layer": layer, "diagnostic": "a", "size": x}
            for layer, values in (("rnn.0", (2, 9, 1, 4)), ("rnn.1", (100, 100, 100, 100)))
            for k, x in enumerate(values)]
    assert watched([{"split": "valid", "size": -1}, *seen]) == {
        "size_first": 2, "size_last": 4, "size_min": 1, "size_max": 9,
    }
    assert watched([]) == {}


def test_an_orthogonal_network_keeps_its_norms_in_the_results(tmp_path):
    Ledger(tmp_path).create()
    (job,) = jobs = plan(Sweep.of(tables(
        model={"name": "urnn-exp", "hidden_size": 4}, grid={"run.seed": [0]},
        train={"steps": 4, "evaluate_every": 2, "watch": ["spectrum", "gradient-flow"]},
    ), "x"))
    execute(tmp_path, job, lambda report: None)
    (row,) = found = rows(jobs, Ledger(tmp_path))
    for name in ("watch_fro_min_low_min", "watch_fro_max_high_max", "watch_fro_mean_t1_last"):
        assert row[name] == pytest.approx(2, abs=1e-5)                  # ‖orthogonal‖_F = √4, float32
    assert row["watch_singular_mean_first"] == pytest.approx(1, abs=1e-6)
    assert row["steps"] == 4

    asked = target.read("toys/a", {
        "title": "", "claim": "", "source": "", "metric": "end_singular_max", "diagnose": ["spectrum", "capacity"],
        "cases": {"": {"label": ""}}, "accept": [{"rule": "threshold", "case": "", "above": 1}], "scale": {},
    })
    (more,) = diagnosed(asked, found, tmp_path / "runs")
    assert more["end_singular_max"] == pytest.approx(1, abs=1e-5)
    assert diagnosed(asked, [row | {"status": "failed"}], tmp_path / "runs") == [row | {"status": "failed"}]
