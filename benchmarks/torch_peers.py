"""The peers built on torch, each given what makes it fast.

They use the fused Adam, a fused cross-entropy, the input projection as one product, and denormal numbers flushed to
zero, without which torch needs three times as long where gradients vanish (W3; minirnn flushes such gradients itself).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .engines import LEARNING_RATE, Gradients
from .workloads import Workload


class Torch:
    """torch.nn.RNN, LSTM or GRU and a linear read-out, started from minirnn's weights; spare biases start at zero.

    Words go through torch.nn.Embedding with sparse gradients, which SparseAdam follows.
    """

    def __init__(self, workload: Workload, threads: int, weights: Gradients) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        X, y = workload.data()
        self.workload, self.X, self.y = workload, torch.from_numpy(X), torch.from_numpy(y.reshape(-1))
        self.cross_entropy = torch.nn.functional.cross_entropy
        self.readout = torch.nn.Linear(workload.n, workload.classes)
        self.embedding = torch.nn.Embedding(workload.classes, workload.m, sparse=True) if workload.words else None
        self.named: dict[str, Any] = {"readout.W": self.readout.weight, "readout.b": self.readout.bias}
        parts: list[Any] = [self.recurrence(weights), self.readout]
        if self.embedding is not None:
            self.named["embedding.E"] = self.embedding.weight
        with torch.no_grad():
            for name, p in self.named.items():
                p.copy_(torch.from_numpy(weights[name]))
        dense = [p for part in parts for p in part.parameters()]
        self.optimizers: list[Any] = [torch.optim.Adam(dense, lr=LEARNING_RATE, fused=True)]
        if self.embedding is not None:
            self.optimizers.append(torch.optim.SparseAdam([self.embedding.weight], lr=LEARNING_RATE))
        self.versions = f"torch {torch.__version__}"

    def recurrence(self, weights: Gradients) -> Any:
        """The module of the recurrent part, with its parameters in `named` or filled here."""
        import torch

        w = self.workload
        Module = {"elman": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[w.cell]
        self.rnn = Module(w.m, w.n)
        with torch.no_grad():
            self.rnn.bias_hh_l0.zero_()
            if w.cell == "gru":
                for name, x in gru_to_torch(weights).items():
                    getattr(self.rnn, name).copy_(torch.from_numpy(x))
        if w.cell != "gru":
            self.named |= {"rnn.0.U": self.rnn.weight_ih_l0, "rnn.0.W": self.rnn.weight_hh_l0}
            self.named["rnn.0.b"] = self.rnn.bias_ih_l0
        return self.rnn

    def hidden(self, X: Any) -> Any:
        """H (T, B, n)."""
        return self.rnn(X)[0]

    def backward(self) -> Any:
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        H = self.hidden(self.X if self.embedding is None else self.embedding(self.X))
        y = self.readout(H[-self.workload.read :])
        L = self.cross_entropy(y.flatten(0, 1), self.y)
        L.backward()
        return L

    def loss_and_gradients(self) -> tuple[float, Gradients]:
        L = self.backward()
        grads = {name: _numpy(p.grad) for name, p in self.named.items()}
        if self.workload.cell == "gru":
            grads |= gru_from_torch({name: _numpy(p.grad) for name, p in self.rnn.named_parameters()})
        return float(L.detach()), grads

    def step(self) -> None:
        self.backward()
        for optimizer in self.optimizers:
            optimizer.step()


class TorchLoop(Torch):
    """A loop over time around a matrix that a parametrization of torch, or of geotorch, keeps orthogonal.

    Its coordinates are not minirnn's, so the gradient that is compared is ∂L/∂W. The matrix is made once per sequence.
    """

    def __init__(self, make_orthogonal: Callable[[Any], str], workload: Workload, threads: int, weights: Gradients):
        self.make_orthogonal = make_orthogonal
        super().__init__(workload, threads, weights)
        self.versions += self.package

    def recurrence(self, weights: Gradients) -> Any:
        import torch

        w = self.workload
        self.inputs, self.memory = torch.nn.Linear(w.m, w.n), torch.nn.Linear(w.n, w.n, bias=False)
        self.package = self.make_orthogonal(self.memory)
        self.memory.weight = torch.from_numpy(weights["rnn.0.W"])
        self.named |= {"rnn.0.U": self.inputs.weight, "rnn.0.b": self.inputs.bias}
        self.keep_gradient = False
        return torch.nn.ModuleList([self.inputs, self.memory])

    def hidden(self, X: Any) -> Any:
        import torch

        A, W = self.inputs(X), self.memory.weight
        if self.keep_gradient:
            W.retain_grad()
            self.W = W
        Wt, h, states = W.t(), torch.zeros_like(A[0]), []
        for a in A.unbind(0):
            h = torch.tanh(torch.addmm(a, h, Wt))
            states.append(h)
        return torch.stack(states)

    def loss_and_gradients(self) -> tuple[float, Gradients]:
        self.keep_gradient = True
        L, grads = super().loss_and_gradients()
        self.keep_gradient = False
        return L, grads | {"rnn.0.W": _numpy(self.W.grad)}


def orthogonal_by(orthogonal_map: str) -> Callable[[Any], str]:
    """torch's own parametrization, by "matrix_exp" or "cayley"."""

    def make(linear: Any) -> str:
        from torch.nn.utils.parametrizations import orthogonal

        orthogonal(linear, "weight", orthogonal_map=orthogonal_map)
        return ""

    return make


def orthogonal_by_geotorch(linear: Any) -> str:
    """geotorch's exponential around a base point."""
    import importlib.metadata

    import geotorch

    geotorch.orthogonal(linear, "weight")
    return f", geotorch {importlib.metadata.version('geotorch')}"


def gru_to_torch(w: Gradients) -> Gradients:
    """minirnn's h = (1 − u) h + u c, gates (u, r, c), as torch's h = (1 − z) c + z h, gates (r, z, c): z = 1 − u."""

    def reordered(x: np.ndarray) -> np.ndarray:
        u, r, c = np.split(x, 3)
        return np.concatenate([r, -u, c])

    own = np.concatenate([np.zeros(2 * len(w["rnn.0.b_hn"]), dtype=np.float32), w["rnn.0.b_hn"]])
    recurrent = np.concatenate([w["rnn.0.W"], w["rnn.0.W_h"]])
    return {
        "weight_ih_l0": reordered(w["rnn.0.U"]), "weight_hh_l0": reordered(recurrent),
        "bias_ih_l0": reordered(w["rnn.0.b"]), "bias_hh_l0": own,
    }


def gru_from_torch(grads: Gradients) -> Gradients:
    """The gradients of minirnn's parameters from those of torch's."""

    def reordered(x: np.ndarray) -> np.ndarray:
        r, z, c = np.split(x, 3)
        return np.concatenate([-z, r, c])

    recurrent = reordered(grads["weight_hh_l0"])
    n = recurrent.shape[1]
    return {
        "rnn.0.U": reordered(grads["weight_ih_l0"]), "rnn.0.W": recurrent[: 2 * n], "rnn.0.W_h": recurrent[2 * n :],
        "rnn.0.b": reordered(grads["bias_ih_l0"]), "rnn.0.b_hn": grads["bias_hh_l0"][2 * n :],
    }


def _numpy(gradient: Any) -> np.ndarray:
    return gradient.to_dense().numpy()
