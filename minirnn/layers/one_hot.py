"""Symbols as indicator vectors."""

from __future__ import annotations

import numpy as np

from minirnn import backend
from minirnn.layers.base import Layer


class OneHot(Layer):
    """Symbols (T, B) to indicator vectors (T, B, size). Nothing to train, and no gradient reaches a symbol.

    raises   UsageError if x, on the host, holds a number outside 0 .. size - 1
    Derivation: docs/derivations/layers.md
    """

    summary = "symbols as indicator vectors"

    def __init__(self, size: int):
        super().__init__()
        self.buffers["ones"] = np.ones(size)

    def forward(self, x):
        ones = self.buffers["ones"]
        backend.check_ids(x, len(ones), "symbols")
        return (x[..., None] == np.arange(len(ones), like=ones)) * ones, None    # no (size, size) table of rows

    def backward(self, dX, cache):
        return None, {}
