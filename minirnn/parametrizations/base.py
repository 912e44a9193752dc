"""The protocol of a parametrization: a map θ → W and its adjoint ∂L/∂W → ∂L/∂θ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

Array = Any


class Parametrization(ABC):
    """A way to write a matrix. Backpropagation through time yields G = ∂L/∂W once per sequence; `pullback` takes it
    to the parameters once. The parametrization is never differentiated inside the loop over time.

    params      name -> array; the name "" stands for the matrix itself (path "rnn.0.W" instead of "rnn.0.W.B")
    buffers     name -> array that belongs to a checkpoint but is not trained (a base point, a power iteration's vector)
    manifold    name -> tag ("stiefel", "unitary") of the parameters that only a rule for that manifold may move
    orthogonal  whether W is orthogonal (unitary) by construction, whatever the parameters
    gradient    "exact" or "pseudo": whether `pullback` is the gradient or an update direction a paper uses in its place
    """

    summary: ClassVar[str]
    gradient: ClassVar[str] = "exact"
    orthogonal: ClassVar[bool] = False

    def __init__(self, **params: Array) -> None:
        self.params: dict[str, Array] = params
        self.buffers: dict[str, Array] = {}
        self.manifold: dict[str, str] = {}

    @abstractmethod
    def matrix(self) -> tuple[Array, Any]:
        """(W, cache)."""

    @abstractmethod
    def pullback(self, dW: Array, cache: Any) -> dict[str, Array]:
        """∂L/∂W to {name: ∂L/∂name}, with the keys and shapes of `params`."""

    def claim(self) -> Parametrization:
        """The parametrization whose exact gradient `pullback` claims to return: itself, unless it is "pseudo"."""
        return self

    def after_update(self) -> None:  # noqa: B027 - most parametrizations need nothing
        """Re-base, re-orthogonalise, advance a power iteration: in place, after the optimizer's step."""

    @classmethod
    def sized(cls, n: int, rng: np.random.Generator) -> Parametrization:
        """An n x n matrix as a network of n units starts with it, where no paper says how."""
        build: Any = cls
        return build(np.zeros((n, n)))

    @classmethod
    @abstractmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, Parametrization]]:
        """Small labelled instances that cover the variants, for the gradient checks."""
