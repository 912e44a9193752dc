"""What a diagnostic looks at: one recurrent layer of a model, on one batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minirnn.backend import to_host
from minirnn.layers import Recurrent
from minirnn.losses import Loss
from minirnn.model import Model
from minirnn.operators import dense

Array = Any


@dataclass(frozen=True)
class Subject:
    """A layer of a model, with the data it is measured on. Nothing here changes the model or draws a random number.

    model   where its parameters are, the arrays are: on the host or on a device
    index   of the recurrent layer, 0 is nearest to the input
    loss    of the task
    batch   a batch of the task, on the model's backend and in its precision
    task    what the batch comes from
    seed    for diagnostics that draw: probes, perturbations
    """

    model: Model
    index: int
    loss: Loss
    batch: Any
    task: Any
    seed: int

    @property
    def layer(self) -> Recurrent:
        return self.model.layers[self.index]

    @property
    def name(self) -> str:
        """The layer's path: "rnn.0"."""
        return f"rnn.{self.index}"

    @cached_property
    def X(self) -> Array:
        """(T, B, m), what the layer reads for the batch: the encoder and the layers below are run, without dropout."""
        X = self.model.encode(self.batch.x)
        for below in self.model.layers[: self.index]:
            X, _, _ = below.forward(X, keep=False)
        return X

    def matrix(self) -> np.ndarray:
        """The composite recurrent matrix W as a NumPy array on the host, (n, n); of a cell with G gates, (G n, n).

        The matrices of a cell stand below one another in the order of its `matrices`; an operator is materialised.
        """
        made = [to_host(dense(self.layer.matrices[name].matrix()[0])) for name in self.layer.cell.matrices]
        return made[0] if len(made) == 1 else np.concatenate(made)

    def square_matrices(self) -> dict[str, np.ndarray]:
        """The same, cut: {"W": (n, n)}, or one block per gate: {"i": ..., "f": ..., "g": ..., "o": ...}."""
        n, W, gates = self.layer.hidden_size, self.matrix(), self.layer.cell.gates
        names = ("W",) if len(gates) == 1 else gates
        return {name: W[k * n : (k + 1) * n] for k, name in enumerate(names)}
