"""The zoo: one function per published system, with its paper's initialisation and optimizer groups.

Each has the signature  model(n_in, n_out, hidden_size, *, rng, ...) -> Model  and passes what all systems share
(symbols, embedding_size, layers, dropout, dtype) on to `minirnn.model.assemble`.
"""

from minirnn.models.irnn import irnn
from minirnn.models.lstm import lstm
from minirnn.models.network import network
from minirnn.models.rnn import rnn
from minirnn.models.urnn_exp import urnn_exp

__all__ = ["irnn", "lstm", "network", "rnn", "urnn_exp"]
