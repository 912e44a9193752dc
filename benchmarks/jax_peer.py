"""The peer built on JAX: one compiled function per training step, with the loop as lax.scan."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .engines import LEARNING_RATE, Gradients
from .workloads import Workload


class Jax:
    """lax.scan over an Elman or LSTM step, a linear read-out and Adam; with `exponential`, W = expm(A − Aᵀ).

    JAX has no setting for the number of threads that holds for every operation, so the process is confined to as many
    processors, before JAX starts its threads.
    """

    def __init__(self, workload: Workload, threads: int, weights: Gradients, exponential: bool = False) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
        import jax

        self.jax = jax
        skip = {"rnn.0.W"} if exponential else set()
        self.params = {name: jax.numpy.asarray(x) for name, x in weights.items() if name not in skip}
        self.memory = {name: (jax.numpy.zeros_like(x),) * 2 for name, x in self.params.items()}
        X, y = workload.data()
        self.data = jax.numpy.asarray(X), jax.numpy.asarray(y)
        self.loss_and_gradient = jax.jit(jax.value_and_grad(lambda p, X, y: _loss(jax, workload, p, X, y)))
        self.train = jax.jit(self._train)
        self.t = 0
        self.versions = f"jax {jax.__version__}"

    def _train(self, params: Any, memory: Any, t: Any, X: Any, y: Any) -> Any:
        _, grads = self.loss_and_gradient(params, X, y)
        moved, kept = {}, {}
        for name, g in grads.items():
            m, v = memory[name]
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            size = LEARNING_RATE / (1 - 0.9**t)
            moved[name] = params[name] - size * m / (self.jax.numpy.sqrt(v / (1 - 0.999**t)) + 1e-8)
            kept[name] = m, v
        return moved, kept

    def loss_and_gradients(self) -> tuple[float, Gradients]:
        L, grads = self.loss_and_gradient(self.params, *self.data)
        return float(L), {name: np.asarray(g) for name, g in grads.items()}

    def step(self) -> None:
        self.t += 1
        self.params, self.memory = self.train(self.params, self.memory, float(self.t), *self.data)
        self.jax.block_until_ready(self.params)


def _loss(jax: Any, workload: Workload, p: Any, X: Any, y: Any) -> Any:
    np, n = jax.numpy, workload.n
    if "rnn.0.W" in p:
        W = p["rnn.0.W"]
    else:
        upper = np.triu(p["rnn.0.W.A"], 1)
        W = jax.scipy.linalg.expm(upper - upper.T)
    A = X @ p["rnn.0.U"].T + p["rnn.0.b"]
    zero = np.zeros((workload.B, n), dtype=X.dtype)

    def elman(h: Any, a: Any) -> Any:
        h = np.tanh(a + h @ W.T)
        return h, h

    def lstm(state: Any, a: Any) -> Any:
        h, c = state
        i, f, g, o = np.split(a + h @ W.T, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * np.tanh(g)
        h = jax.nn.sigmoid(o) * np.tanh(c)
        return (h, c), h

    _, H = jax.lax.scan(elman, zero, A) if workload.cell == "elman" else jax.lax.scan(lstm, (zero, zero), A)
    scores = H[-workload.read :] @ p["readout.W"].T + p["readout.b"]
    chosen = np.take_along_axis(jax.nn.log_softmax(scores), y[..., None], axis=-1)
    return -np.mean(chosen)
