"""A network on changed inputs and with changed recurrent matrices, and the gradient of its loss in both."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minirnn.layers import Recurrent
from minirnn.operators import dense
from minirnn.parametrizations import Dense

Array = Any


class Perturbed:
    """The part of a model behind its encoder, without dropout and regularizers: X -> y, and ∂L/∂X, ∂L/∂W.

    X is what the first recurrent layer reads, (T, B, m) real numbers: the features themselves, or the vectors of the
    symbols (indicators or embeddings), which need not stay vectors of symbols when they are changed.
    layers   recurrent layers, the first nearest to the input
    readout, loss, batch   as the model and the task have them; batch.x is not read
    """

    def __init__(self, layers: list[Recurrent], readout: Any, loss: Any, batch: Any):
        self.layers = [with_arrays(layer) for layer in layers]
        self.readout, self.loss, self.batch = readout, loss, batch

    def outputs(self, X: Array) -> Array:
        """y (K, B, n_out) at the steps that the batch has targets for."""
        for layer in self.layers:
            X, _, _ = layer.forward(X, keep=False)
        return self.readout.forward(X[len(X) - len(self.batch.y):])[0]

    def gradients(self, X: Array) -> tuple[Array, Array, list[dict[str, Array]]]:
        """(y, ∂L/∂X (T, B, m), for each layer {name: ∂L/∂ of it}), with the composite matrices under their names."""
        H, caches, found = X, [], []
        for layer in self.layers:
            H, _, cache = layer.forward(H)
            caches.append(cache)
        y, readout_cache = self.readout.forward(H[len(H) - len(self.batch.y):])
        dX, _ = self.readout.backward(self.loss.backward(self.loss.forward(y, self.batch)[1]), readout_cache)
        for layer, cache in zip(reversed(self.layers), reversed(caches), strict=True):
            dX, grads = layer.backward(dX, cache)
            found.append(grads)
        return y, dX, found[::-1]

    def example_losses(self, y: Array) -> Array:
        """(B,), the loss of every sequence alone, summed over its positions: their sum over N is the batch's loss."""
        one = [slice(b, b + 1) for b in range(y.shape[1])]
        return np.stack([self.loss.total(y[:, k], self.batch.map(lambda x, k=k: x[:, k]))[0] for k in one])


def with_arrays(layer: Recurrent, **moved: Array) -> Recurrent:
    """The same layer with its matrices as plain arrays, W + moved["W"]; it shares all else, and `layer` stays as it is.

    Its gradients are therefore those of the composite matrices, and of the loss alone.
    """
    changed = copy.copy(layer)
    made = {name: dense(p.matrix()[0]) for name, p in layer.matrices.items()}
    changed.matrices = {name: Dense(W + moved[name] if name in moved else W) for name, W in made.items()}
    changed.regularizers = ()
    return changed
