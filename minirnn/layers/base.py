"""The protocol of a layer: what it holds; `forward` and `backward` differ in their arguments."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

Array = Any


class Layer(ABC):
    """params: name -> array, trained; buffers: name -> array, fixed; children: name -> part with params of its own."""

    summary: ClassVar[str]

    def __init__(self, **params: Array) -> None:
        self.params: dict[str, Array] = params
        self.buffers: dict[str, Array] = {}
        self.children: dict[str, Any] = {}

    @classmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[Layer, Array]]]:
        """Small labelled (layer, input), for the gradient checks."""
        yield from ()
