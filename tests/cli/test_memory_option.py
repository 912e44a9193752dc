"""minirnn run --memory: the same training, from less memory."""

import numpy as np
import pytest

from minirnn import checkpoint
from minirnn.runs import read_metrics

OPTIONS = ("--quiet", "--length", 40, "--hidden-size", 8, "--batch-size", 4, "--steps", 6, "--set", "run.dtype=float64")
ABS = (*OPTIONS, "--model", "network", "--parametrization", "expmap", "--activation", "abs")


@pytest.mark.parametrize("memory", ["checkpoint", "reversible"])
@pytest.mark.parametrize("bptt", [0, 30])
def test_a_run_learns_the_same_with_less_memory(minirnn, tmp_path, memory, bptt):
    for name in ("store", memory):
        result = minirnn("run", "recall", *ABS, "--bptt", bptt, "--memory", name, "--dir", name)
        assert result.code == 0, result.err
    wanted, found = (checkpoint.load(tmp_path / name / "checkpoint.npz")[0] for name in ("store", memory))
    for name, x in wanted.items():
        np.testing.assert_allclose(found[name], x, rtol=1e-6, atol=1e-9, err_msg=name)
    losses = [[r["loss"] for r in read_metrics(tmp_path / name)] for name in ("store", memory)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_a_run_may_go_on_with_less_memory(minirnn, tmp_path):
    minirnn("run", "recall", *OPTIONS, "--dir", "a")
    assert minirnn("run", "--resume", "a", "--steps", 8, "--memory", "checkpoint", "--quiet").code == 0


def test_a_network_that_forgets_is_not_run_backwards(minirnn, tmp_path):
    result = minirnn("run", "recall", *OPTIONS, "--model", "lstm", "--memory", "reversible", "--dir", "a")
    assert result.code == 2
    assert "needs elman cells with identity, abs or oplu" in result.err
    assert "(got LSTM, Dense in layer 0); use checkpoint" in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "a").exists()


def test_an_unknown_memory_is_named(minirnn, tmp_path):
    result = minirnn("run", "recall", *OPTIONS, "--memory", "checkpoints", "--dir", "a")
    assert result.code == 2
    assert "there is no memory 'checkpoints'; did you mean 'checkpoint'?" in result.err
    assert not (tmp_path / "a").exists()
