"""The GPU benchmark: torch gets the same weights, counts are as stated, and without a device it says so."""

import numpy as np
import pytest
from click.testing import CliRunner

from minirnn import backend
from minirnn.benchmarks import gpu
from minirnn.benchmarks.engines import Minirnn
from minirnn.benchmarks.gpu_engines import Torch, as_torch
from minirnn.benchmarks.workloads import Workload

TINY = {cell: Workload("tiny", "a few steps", cell, T=4, m=2, n=3, classes=3, read=2, B=2) for cell in
        ("elman", "lstm", "gru")}


@pytest.mark.oracle
@pytest.mark.parametrize("loop", [False, True], ids=["torch.nn", "torch loop"])
@pytest.mark.parametrize("workload", TINY.values(), ids=TINY.keys())
def test_torch_finds_minirnn_s_loss_from_minirnn_s_weights(workload, loop, monkeypatch):
    """On the host, where .cuda() is left out."""
    torch = pytest.importorskip("torch", reason="torch is not installed; it is in the extra minirnn[oracle]")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for kind in (torch.nn.Module, torch.Tensor):
        monkeypatch.setattr(kind, "cuda", lambda x: x)
    host = Minirnn(workload, 1)
    peer = Torch(workload, dict(host.model.params), loop)
    L = host.gradients()[0]
    assert peer.value() == pytest.approx(L, rel=1e-6)
    peer.step()
    assert peer.value() < L


def test_torch_s_gru_gets_our_gates_reordered_and_its_own_one_negated():
    n, rng = 2, np.random.default_rng(0)
    shapes = {"U": (6, 1), "b": (6,), "W": (4, 2), "W_h": (2, 2), "b_hn": (2,)}
    weights = {f"rnn.0.{name}": rng.standard_normal(shape) for name, shape in shapes.items()}
    found = as_torch(Workload("", "", "gru", T=1, m=1, n=n, classes=1, read=1), weights)
    np.testing.assert_array_equal(found["weight_hh"][n : 2 * n], -weights["rnn.0.W"][:n])
    np.testing.assert_array_equal(found["weight_hh"][2 * n :], weights["rnn.0.W_h"])
    np.testing.assert_array_equal(found["bias_hh"], [0, 0, 0, 0, *weights["rnn.0.b_hn"]])


def test_the_page_shows_every_case():
    ms = {"auto": 1.0, "host": 2.0}
    found = {title: {w.name: dict(ms) for w in cases} for title, cases in gpu.CASES.items()}
    found["Workloads"]["W1"] |= {"torch.nn": 3.0, "auto": 4.0}
    made = backend.CudaStatus(True, "", cupy="14.2", driver="12.9", devices=("a device",))
    text = gpu.page(made, "5 passed", found, 7, launch=0.004, rate=1e9)
    assert text.count("\n| ") == sum(len(cases) + 1 for cases in gpu.CASES.values())
    (row,) = (line for line in text.splitlines() if line.startswith("| W1 "))
    assert row.split(" | ")[1:9] == ["4.00", "-", "-", "-", "3.00", "-", "2.00", "0.75"]
    assert "Faster than the host: W2, W3, W4, W5." in text


def test_traffic_counts_every_array_of_the_recurrence_once_per_direction():
    """Elman: a and z, h, and back z, h, ∂L/∂a and ∂L/∂h: seven numbers per unit."""
    w = TINY["elman"]
    assert gpu.traffic(w) == 7 * 4 * w.T * w.B * w.n


@pytest.mark.skipif(backend.cuda_status().usable, reason="there is a CUDA device here")
def test_without_a_device_one_sentence_says_so_and_nothing_is_written(tmp_path):
    ended = CliRunner().invoke(gpu.main, ["--output", str(tmp_path / "gpu.md")])
    assert ended.exit_code == 2
    assert ended.output.startswith("Error: backend 'cupy' cannot be used: ")
    assert len(ended.output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
