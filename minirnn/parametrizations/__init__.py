"""Parametrizations of the recurrent matrix, one per file: W = P(θ) and its adjoint."""

from minirnn.parametrizations.base import Parametrization
from minirnn.parametrizations.dense import Dense
from minirnn.parametrizations.expmap import ExpMap

__all__ = ["Dense", "ExpMap", "Parametrization"]
