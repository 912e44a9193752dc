"""minirnn's engine: the training step as the command line makes it, for each workload and parametrization."""

from __future__ import annotations

from typing import Any

import numpy as np

from .workloads import Workload

LEARNING_RATE = 1e-3

Gradients = dict[str, np.ndarray]


class Minirnn:
    """minirnn as its command line runs it; `parametrization` of the recurrent matrix, "" for a free one.

    The exponential starts at planes rotated by angles in ±π and the Cayley transform at angles up to π/2, as published.
    """

    def __init__(self, workload: Workload, threads: int, parametrization: str = "") -> None:
        from threadpoolctl import threadpool_limits

        from minirnn.bptt import Store
        from minirnn.losses import SoftmaxCrossEntropy
        from minirnn.memory import keep_freed_memory
        from minirnn.optimizers import Adam, Geodesic, Optimizer
        from minirnn.tasks import Batch

        keep_freed_memory()
        self.limits = threadpool_limits(threads)
        self.model = _model(workload, parametrization)
        self.loss, self.bptt = SoftmaxCrossEntropy(), Store()
        rules = [*((path, Geodesic(LEARNING_RATE)) for path in self.model.manifold), ("*", Adam(LEARNING_RATE))]
        self.optimizer = Optimizer(self.model.params, rules, self.model.manifold)
        self.batch = Batch(*workload.data())
        self.versions = f"numpy {np.__version__}"

    def gradients(self) -> tuple[float, dict[str, Any]]:
        """(loss, gradients): forward and backward."""
        found = self.bptt.gradients(self.model, self.loss, self.batch, None, None)
        return float(found.total / found.count), found.grads

    def step(self) -> None:
        _, grads = self.gradients()
        self.optimizer.step(self.model.params, grads)
        self.model.after_update()

    def reference(self) -> tuple[Gradients, float, Gradients]:
        """(weights, loss, gradients) with the recurrent matrix W itself and ∂L/∂W in place of its coordinates.

        Where W is made of coordinates A, these and their gradient are given besides, as rnn.0.W.A.
        """
        from minirnn.rows import Rows

        layer, params = self.model.layers[0], self.model.params
        p = layer.matrices["W"]
        seen: Gradients = {}
        pullback = p.pullback

        def watched(dW: Any, cache: Any) -> Any:
            seen["rnn.0.W"] = np.array(dW)
            return pullback(dW, cache)

        p.pullback = watched                                        # on this instance, for one call
        L, grads = self.gradients()
        del p.pullback
        grads = {k: g.dense(params[k]) if isinstance(g, Rows) else g for k, g in grads.items()}
        return params | {"rnn.0.W": p.matrix()[0]}, L, grads | seen


def _model(workload: Workload, parametrization: str) -> Any:
    from minirnn import initializers, models

    w, rng = workload, np.random.default_rng(0)
    if parametrization:
        model = models.network(w.m, w.classes, w.n, rng=rng, parametrization=parametrization)
        start = {"expmap": initializers.henaff, "cayley": initializers.helfrich}.get(parametrization)
        if start is not None:
            model.params["rnn.0.W.A"][...] = start(w.n, rng)
        return model
    if w.cell == "lstm":
        return models.lstm(w.m, w.classes, w.n, rng=rng)
    if w.cell == "gru" and not w.words:
        return models.gru(w.m, w.classes, w.n, rng=rng)
    if w.cell == "gru":
        return models.gru(w.classes, w.classes, w.n, rng=rng, symbols=True, embedding_size=w.m)
    return models.rnn(w.m, w.classes, w.n, rng=rng, activation="tanh")
