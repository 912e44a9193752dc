"""Layers, one per file: each maps a sequence, and sends gradients back through it.

`backward` returns (∂L/∂input, {name: gradient}) and stores nothing: what it needs is in the cache.
"""

from minirnn.layers.base import Layer
from minirnn.layers.dropout import Dropout
from minirnn.layers.embedding import Embedding
from minirnn.layers.linear import Linear
from minirnn.layers.one_hot import OneHot
from minirnn.layers.recurrent import Recurrent
from minirnn.layers.split_linear import SplitLinear
from minirnn.layers.tied_linear import TiedLinear

__all__ = ["Dropout", "Embedding", "Layer", "Linear", "OneHot", "Recurrent", "SplitLinear", "TiedLinear"]
