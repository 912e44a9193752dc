"""Recurrent cells: one time step and its adjoint, one cell per file."""

from minirnn.cells.base import Cell
from minirnn.cells.elman import Elman
from minirnn.cells.lstm import LSTM

__all__ = ["LSTM", "Cell", "Elman"]
