"""The engines that are timed, each in a process of its own: the BLAS pools of two libraries spoil each other's timings.

A worker is `python -m benchmarks.engines ENGINE WORKLOAD REFERENCE`, WORKLOAD as JSON. The minirnn worker writes its
weights, loss and gradients to the file REFERENCE (.npz); a peer reads them, starts from the same weights, and shows
that it computes the same before it is timed. Then each line on stdin is a request, and each line on stdout its answer
in JSON:

    round STEPS    {"ms": [...]}          that many training steps
    gemm SIZE      {"flops_per_s": ...}   a large square product in single precision

The first line on stdout is {"ready": versions, "worst": relative difference, "where": its tensor}, or
{"skip": reason} where the engine is not installed, or {"wrong": sentence} where the two do not agree.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.workloads import Workload

AGREE = 1e-4     # float32 over some hundred steps, summed in another order: 1e-6 to 1e-5 is usual, a mistake is 1e-1
LEARNING_RATE = 1e-3
WARM_UP = 3

Gradients = dict[str, np.ndarray]


class Minirnn:
    """minirnn as its command line runs it."""

    def __init__(self, workload: Workload, threads: int) -> None:
        from threadpoolctl import threadpool_limits

        from minirnn import models
        from minirnn.losses import SoftmaxCrossEntropy
        from minirnn.memory import keep_freed_memory
        from minirnn.optimizers import Adam, Optimizer

        keep_freed_memory()
        self.limits = threadpool_limits(threads)
        rng = np.random.default_rng(0)
        sizes = (workload.m, workload.classes, workload.n)
        tanh = partial(models.rnn, activation="tanh")
        builders: dict[str, Any] = {"elman": tanh, "lstm": models.lstm, "gru": models.gru}
        self.model = builders[workload.cell](*sizes, rng=rng)
        self.loss = SoftmaxCrossEntropy()
        self.optimizer = Optimizer(self.model.params, [("*", Adam(LEARNING_RATE))])
        self.read = workload.read
        self.X, y = workload.data()
        self.batch = SimpleNamespace(y=y, mask=None)
        self.versions = f"numpy {np.__version__}"

    def loss_and_gradients(self) -> tuple[float, Gradients]:
        y, _, tape = self.model.forward(self.X, read=self.read)
        L, cache = self.loss.forward(y, self.batch)
        return float(L), self.model.backward(self.loss.backward(cache), tape)

    def step(self) -> None:
        _, grads = self.loss_and_gradients()
        self.optimizer.step(self.model.params, grads)
        self.model.after_update()


class Torch:
    """torch.nn.RNN or LSTM, a linear read-out and Adam, started from minirnn's weights; its second bias starts at zero.

    It is given what makes it fast: the fused Adam, and denormal numbers flushed to zero, without which it needs three
    times as long where gradients vanish (W3).
    """

    def __init__(self, workload: Workload, threads: int, weights: Gradients) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        self.rnn = (torch.nn.LSTM if workload.cell == "lstm" else torch.nn.RNN)(workload.m, workload.n)
        self.readout = torch.nn.Linear(workload.n, workload.classes)
        self.params = {
            "rnn.0.U": self.rnn.weight_ih_l0,
            "rnn.0.W": self.rnn.weight_hh_l0,
            "rnn.0.b": self.rnn.bias_ih_l0,
            "readout.W": self.readout.weight,
            "readout.b": self.readout.bias,
        }
        with torch.no_grad():
            self.rnn.bias_hh_l0.zero_()
            for name, p in self.params.items():
                p.copy_(torch.from_numpy(weights[name]))
        self.cross_entropy = torch.nn.functional.cross_entropy
        everything = [*self.rnn.parameters(), *self.readout.parameters()]
        self.optimizer = torch.optim.Adam(everything, lr=LEARNING_RATE, fused=True)
        X, y = workload.data()
        self.X, self.y, self.read = torch.from_numpy(X), torch.from_numpy(y.reshape(-1)), workload.read
        self.versions = f"torch {torch.__version__}"

    def _backward(self) -> Any:
        self.optimizer.zero_grad()
        H, _ = self.rnn(self.X)
        y = self.readout(H[-self.read :])
        L = self.cross_entropy(y.flatten(0, 1), self.y)
        L.backward()
        return L

    def loss_and_gradients(self) -> tuple[float, Gradients]:
        L = self._backward()
        return float(L.detach()), {name: p.grad.numpy() for name, p in self.params.items()}

    def step(self) -> None:
        self._backward()
        self.optimizer.step()


PEERS: dict[str, Callable[[Workload, int, Gradients], Any]] = {"torch": Torch}


def write_reference(path: str, engine: Minirnn) -> None:
    """What a peer needs: the weights, and the loss and gradients there."""
    L, grads = engine.loss_and_gradients()
    arrays: dict[str, Any] = {"loss": np.asarray(L)}
    arrays |= {f"weight/{name}": x for name, x in engine.model.params.items()}
    arrays |= {f"gradient/{name}": g for name, g in grads.items()}
    np.savez(path, **arrays)


def read_reference(path: str) -> tuple[Gradients, float, Gradients]:
    """(weights, loss, gradients)."""
    with np.load(path) as file:
        weights, grads = (
            {key.removeprefix(kind): file[key] for key in file if key.startswith(kind)}
            for kind in ("weight/", "gradient/")
        )
        return weights, float(file["loss"]), grads


def worst_difference(L: float, grads: Gradients, L_ref: float, grads_ref: Gradients) -> tuple[float, str]:
    """(largest relative difference, where): |L − L'| / |L'| for the loss, ‖g − g'‖ / ‖g'‖ for each gradient."""
    if grads.keys() != grads_ref.keys():
        raise ValueError(f"gradients of {sorted(grads)} cannot be compared with those of {sorted(grads_ref)}")
    found = {"the loss": abs(L - L_ref) / abs(L_ref)}
    for name, g_ref in grads_ref.items():
        difference, size = np.linalg.norm(grads[name] - g_ref), np.linalg.norm(g_ref)
        found[name] = float(difference / size) if size > 0 else float(difference)
    where = max(found, key=lambda name: np.nan_to_num(found[name], nan=np.inf))
    return found[where], where


def check_agreement(engine: Any, L_ref: float, grads_ref: Gradients) -> dict[str, Any]:
    """The worker's first answer: ready, with the worst difference, or wrong."""
    L, grads = engine.loss_and_gradients()
    worst, where = worst_difference(L, grads, L_ref, grads_ref)
    if not worst <= AGREE:
        return {"wrong": f"{where} differs from minirnn's by {worst:.1e}, relative, which is more than {AGREE:.0e}"}
    return {"ready": engine.versions, "worst": worst, "where": where}


def gemm_rate(size: int) -> float:
    """Flops per second of A @ B in single precision; the best of three, since nothing makes a product too fast."""
    rng = np.random.default_rng(2)
    A, B = rng.standard_normal((2, size, size), dtype=np.float32)
    C = np.empty_like(A)
    return 2 * size**3 / min(_seconds(lambda: np.matmul(A, B, out=C)) for _ in range(3))


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def start(name: str, workload: Workload, reference: str) -> tuple[Any, dict[str, Any]]:
    """(engine, first answer); the engine is None where the answer is not "ready"."""
    threads = int(os.environ["OMP_NUM_THREADS"])
    if name == "minirnn":
        own = Minirnn(workload, threads)
        write_reference(reference, own)
        return own, {"ready": own.versions}
    weights, L, grads = read_reference(reference)
    try:
        peer = PEERS[name](workload, threads, weights)
    except ImportError as error:
        return None, {"skip": f"{sys.executable} cannot import it ({error})"}
    answer = check_agreement(peer, L, grads)
    return (peer if "ready" in answer else None), answer


def serve(name: str, workload: Workload, reference: str) -> None:
    """Start the engine, then answer requests until stdin ends."""
    engine, answer = start(name, workload, reference)
    if engine is not None:
        for _ in range(WARM_UP):
            engine.step()
    print(json.dumps(answer), flush=True)
    for line in sys.stdin if engine is not None else ():
        what, count = line.split()
        if what == "gemm":
            answer = {"flops_per_s": gemm_rate(int(count))}
        else:
            answer = {"ms": [1e3 * _seconds(engine.step) for _ in range(int(count))]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], Workload(**json.loads(sys.argv[2])), sys.argv[3])
