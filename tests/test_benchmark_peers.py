"""Every peer of the benchmark computes minirnn's loss and gradients from the same weights."""

import pytest

from minirnn.benchmarks.engines import Minirnn
from minirnn.benchmarks.worker import PEERS, worst_difference
from minirnn.benchmarks.workloads import Workload

CASES = [
    ("torch", "elman", ""), ("torch", "lstm", ""), ("torch", "gru", ""), ("torch matrix_exp", "elman", "expmap"),
    ("torch cayley", "elman", "cayley"), ("geotorch", "elman", "expmap"), ("jax", "elman", ""), ("jax", "lstm", ""),
    ("jax expm", "elman", "expmap"),
]


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "cell", "parametrization"), CASES, ids=lambda value: value or "dense")
def test_a_peer_agrees(name, cell, parametrization, monkeypatch):
    package = name.split()[0]
    pytest.importorskip(package, reason=f"{package} is a peer of the benchmark, an optional extra")
    monkeypatch.setattr("os.sched_setaffinity", lambda *arguments: None, raising=False)     # it outlives the test
    workload = Workload("small", "", cell, T=4, m=3, n=6, classes=7, read=2, B=3, words=cell == "gru")
    ours = Minirnn(workload, 1, parametrization)
    weights, L, grads = ours.reference()
    peer = PEERS[name](workload, 1, {key: x.copy() for key, x in weights.items()})
    assert worst_difference(*peer.loss_and_gradients(), L, grads)[0] < 1e-5
    if package == "jax":                                            # torch's spare biases move too, and need not agree
        ours.step()
        peer.step()
        assert peer.loss_and_gradients()[0] == pytest.approx(ours.gradients()[0], rel=1e-5)


def test_every_peer_is_compared():
    assert {name for name, _, _ in CASES} == set(PEERS)
