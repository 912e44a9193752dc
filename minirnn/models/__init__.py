"""The zoo: one function per published system, with its paper's initialisation and optimizer groups.

Each has the signature  model(n_in, n_out, hidden_size, *, rng, ...) -> Model  and passes what all systems share
(symbols, embedding_size, layers, dropout, dtype) on to `minirnn.models.base.assemble`.
"""

from minirnn.models.dizzy_rnn import dizzy_rnn
from minirnn.models.full_urnn import full_urnn
from minirnn.models.gru import gru
from minirnn.models.irnn import irnn
from minirnn.models.lstm import lstm
from minirnn.models.network import network
from minirnn.models.rnn import rnn
from minirnn.models.scornn import scornn
from minirnn.models.soft_orthogonal_rnn import soft_orthogonal_rnn
from minirnn.models.sparse_rnn import sparse_rnn
from minirnn.models.spectral_rnn import spectral_rnn
from minirnn.models.spectrally_normalised_rnn import spectrally_normalised_rnn
from minirnn.models.ugru import ugru
from minirnn.models.urnn import urnn
from minirnn.models.urnn_exp import urnn_exp

__all__ = [
    "dizzy_rnn", "full_urnn", "gru", "irnn", "lstm", "network", "rnn", "scornn", "soft_orthogonal_rnn", "sparse_rnn",
    "spectral_rnn", "spectrally_normalised_rnn", "ugru", "urnn", "urnn_exp",
]
