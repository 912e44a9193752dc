"""Recurrent networks whose units listen to few others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minirnn import catalog, initializers
from minirnn.cells import GRU, LSTM, Elman
from minirnn.layers import Recurrent
from minirnn.model import Model
from minirnn.models.base import assemble
from minirnn.parametrizations import BlockDiagonal, Dense, Diagonal, Parametrization, ShuffledBlocks

STRUCTURES = ("diagonal", "block", "shuffle")
CELLS = {"elman": lambda n: Elman(), "gru": GRU.sized, "lstm": lambda n: LSTM()}


def sparse_rnn(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, cell: str = "lstm",
    structure: str = "block", blocks: int | None = None, forget_bias: float = 1.0, **shared,
) -> Model:
    """Elman, GRU or LSTM whose recurrent matrices are diagonal, block-diagonal or shuffled blocks in every gate.
    [vankeirsbilck2019]

    cell           elman, gru or lstm
    structure      diagonal: a unit hears itself alone; block: its group; shuffle: a group that changes every step
    blocks         number of blocks per gate, a divisor of hidden_size; by default the largest one up to 4
    forget_bias    initial bias of the LSTM's forget gate

    Differs: the paper's own list of structures and settings is not public; diagonal, blocks and a fixed shuffle are
    what its title and abstract describe. Everything starts from U(±1/√fan-in), fan-in counted within the structure;
    the read-out, dense, mixes the groups.
    """
    n = hidden_size
    g = max(d for d in (1, 2, 3, 4) if n % d == 0) if blocks is None else blocks
    for what, given, known in (("cell", cell, CELLS), ("structure", structure, STRUCTURES)):
        if given not in known:
            raise catalog.unknown(what, given, known)
    make: Callable[[int], Parametrization] = {
        "diagonal": lambda G: Diagonal(initializers.uniform((G, n), 1.0, rng)),
        "block": lambda G: BlockDiagonal(initializers.blocks(n, g, rng, G)),
        "shuffle": lambda G: ShuffledBlocks(initializers.blocks(n, g, rng, G)),
    }[structure]

    def layer(width: int) -> Recurrent:
        built = CELLS[cell](n)
        G = len(built.gates)
        b = np.zeros(G * n)
        if cell == "lstm":
            b[n : 2 * n] = forget_bias
        U = Dense(initializers.uniform((G * n, width), 1 / np.sqrt(width), rng))
        matrices: dict[str, Any] = {name: make(rows) for name, (rows, _) in built.matrices.items()}
        return Recurrent(built, U, b, **matrices)

    return assemble(layer, n_in, n_out, n, rng=rng, **shared)
