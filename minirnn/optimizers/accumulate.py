"""Gradient accumulation: the gradient of a big batch from those of its parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.rows import Rows

Array = Any


class Mean:
    """ḡ = Σ_k N_k g_k / Σ_k N_k, N_k the positions at which the loss of part k counts.

    It is the gradient of one batch that holds all the parts, Σ (sum of the loss) / Σ N: a plain mean would weigh a
    position in a short part more than one in a long part. Gradients by rows stay so.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Any] = {}
        self.N: Array = 0

    def add(self, grads: dict[str, Any], N: Array) -> None:
        for name, g in grads.items():
            weighted = g._replace(values=g.values * N) if isinstance(g, Rows) else g * N
            self.sums[name] = _plus(self.sums[name], weighted) if name in self.sums else weighted
        self.N = self.N + N

    def value(self) -> dict[str, Any]:
        return {
            name: g._replace(values=g.values / self.N) if isinstance(g, Rows) else g / self.N
            for name, g in self.sums.items()
        }


def _plus(a: Any, b: Any) -> Any:
    if isinstance(a, Rows):
        return a._replace(ids=np.concatenate([a.ids, b.ids]), values=np.concatenate([a.values, b.values]))
    return np.add(a, b, out=a)
