"""The engines that `benchmarks.gpu` times on a device: minirnn with each kernel, and torch's, from the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn import backend, kernels

from .engines import LEARNING_RATE, Minirnn
from .workloads import Workload


class Ours(Minirnn):
    """minirnn on the device, with one kernel, or on the host."""

    def __init__(self, workload: Workload, kernel: str):
        from minirnn.optimizers import Adam, Optimizer

        super().__init__(workload, 1)
        if kernel == "host":
            return
        self.model.to("cupy")
        kernels.force(kernel, self.model.layers, "cupy", np.float32)
        self.optimizer = Optimizer(self.model.params, [("*", Adam(LEARNING_RATE))])
        self.batch = self.batch.map(lambda x: backend.to(x, "cupy"))

    def value(self) -> float:
        return self.gradients()[0]

    def step(self) -> None:
        found = self.bptt.gradients(self.model, self.loss, self.batch, None, None)     # the loss stays there: no wait
        self.optimizer.step(self.model.params, found.grads)
        self.model.after_update()

    def wait(self) -> None:
        backend.synchronize(self.batch.x)


class Torch:
    """torch.nn, or a Python loop over torch's cell, on the device, from minirnn's weights."""

    def __init__(self, workload: Workload, weights: dict[str, np.ndarray], loop: bool):
        import torch

        if not torch.cuda.is_available():
            raise ImportError("this torch has no CUDA")
        self.torch, self.loop, self.read = torch, loop, workload.read
        name = {"elman": "RNN", "lstm": "LSTM", "gru": "GRU"}[workload.cell]
        self.rnn = getattr(torch.nn, f"{name}Cell" if loop else name)(workload.m, workload.n)
        self.readout = torch.nn.Linear(workload.n, workload.classes)
        given = as_torch(workload, weights)
        with torch.no_grad():
            for key, p in self.rnn.named_parameters():
                p.copy_(torch.from_numpy(given[key.removesuffix("_l0")]))
            self.readout.weight.copy_(torch.from_numpy(weights["readout.W"]))
            self.readout.bias.copy_(torch.from_numpy(weights["readout.b"]))
        self.rnn.cuda(), self.readout.cuda()
        X, y = workload.data()
        self.X, self.y = torch.from_numpy(X).cuda(), torch.from_numpy(y.reshape(-1)).cuda()
        params = [*self.rnn.parameters(), *self.readout.parameters()]
        self.optimizer = torch.optim.Adam(params, lr=LEARNING_RATE, fused=True)

    def _loss(self) -> Any:
        if self.loop:
            state, states = None, []
            for x in self.X:
                state = self.rnn(x, state)
                states.append(state[0] if isinstance(state, tuple) else state)
            H = self.torch.stack(states)
        else:
            H, _ = self.rnn(self.X)
        return self.torch.nn.functional.cross_entropy(self.readout(H[-self.read :]).flatten(0, 1), self.y)

    def value(self) -> float:
        return float(self._loss().detach())

    def step(self) -> None:
        self.optimizer.zero_grad()
        self._loss().backward()
        self.optimizer.step()

    def wait(self) -> None:
        self.torch.cuda.synchronize()


def as_torch(workload: Workload, weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """torch's names and order of gates. Its GRU keeps h where z is 1, ours where u is 0: z has u's weights, negated."""
    U, b, W = (weights[f"rnn.0.{name}"] for name in ("U", "b", "W"))
    zero = np.zeros_like(b)
    if workload.cell != "gru":
        return {"weight_ih": U, "weight_hh": W, "bias_ih": b, "bias_hh": zero}
    n = workload.n

    def reordered(x: np.ndarray) -> np.ndarray:
        u, r, c = x[:n], x[n : 2 * n], x[2 * n :]
        return np.concatenate([r, -u, c])

    zero[2 * n :] = weights["rnn.0.b_hn"]
    W = np.concatenate([W, weights["rnn.0.W_h"]])
    return {"weight_ih": reordered(U), "weight_hh": reordered(W), "bias_ih": reordered(b), "bias_hh": zero}
