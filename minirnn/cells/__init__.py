"""Recurrent cells: one time step and its adjoint, one cell per file."""

from minirnn.cells.base import Cell
from minirnn.cells.elman import Elman
from minirnn.cells.gru import GRU
from minirnn.cells.lstm import LSTM
from minirnn.cells.peephole_lstm import PeepholeLSTM

__all__ = ["GRU", "LSTM", "Cell", "Elman", "PeepholeLSTM"]
