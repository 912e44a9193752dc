"""What every published system shares: the encoder, the stack and the read-out around its recurrent layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirnn.errors import UsageError
from minirnn.initializers import glorot, uniform
from minirnn.layers import Embedding, Linear, OneHot, Recurrent, SplitLinear, TiedLinear
from minirnn.model import Group, Model

MOST = {"hidden_size": 1_000_000, "layers": 1000, "embedding_size": 1_000_000}


def assemble(
    layer: Callable[[int], Recurrent],
    n_in: int,
    n_out: int,
    hidden_size: int,
    *,
    rng: np.random.Generator,
    symbols: bool = False,
    embedding_size: int = 0,
    tied: bool = False,
    layers: int = 1,
    dropout: float = 0.0,
    train_h0: bool = False,
    groups: Sequence[Group] = (Group("*"),),
    dtype: Any = np.float32,
) -> Model:
    """What every published system shares: an encoder, a stack of recurrent layers, a Glorot read-out with zero bias.

    layer            makes one recurrent layer for a given number of inputs
    symbols          the input holds symbols 0 .. n_in - 1: embedded if embedding_size > 0, else one-hot
    embedding_size   0, or the length of the vector per symbol, drawn from N(0, 1)
    tied             the read-out uses the embedding's table too, then drawn from U(±1/√n) as a matrix
    layers           depth of the stack
    train_h0         learn each layer's initial state, from zero on where the system names no other start
    """
    sizes = ("hidden_size", hidden_size, 1), ("layers", layers, 1), ("embedding_size", embedding_size, 0)
    for name, value, least in sizes:
        if value < least:
            raise UsageError(f"{name} must be at least {least} (got {value})")
        if value > MOST[name]:
            raise UsageError(f"{name} must be at most {MOST[name]:,} (got {value:,})")
    encoder: OneHot | Embedding | None = None
    width = n_in
    if symbols and embedding_size:
        encoder, width = Embedding(rng.standard_normal((n_in, embedding_size))), embedding_size
    elif symbols:
        encoder = OneHot(n_in)
    stack = [layer(width if k == 0 else hidden_size) for k in range(layers)]
    for recurrent in stack if train_h0 else ():
        if "h0" not in recurrent.params:
            zero = recurrent.initial_state(1, recurrent.U.matrix()[0])
            recurrent.train_initial_state(*(s[0] for s in zero))
    is_complex = stack[-1].U.matrix()[0].dtype.kind == "c"
    Readout, size = (SplitLinear, 2 * hidden_size) if is_complex else (Linear, hidden_size)
    readout: Linear | SplitLinear | TiedLinear = Readout(glorot((n_out, size), rng), np.zeros(n_out))
    if tied:
        if is_complex:
            raise UsageError("tied needs a real network: a complex read-out sees [Re h | Im h]; leave tied out")
        if not isinstance(encoder, Embedding) or embedding_size != hidden_size or n_in != n_out:
            raise UsageError(
                "tied needs symbols that are read and predicted alike, and embedding_size = hidden_size "
                f"(got {n_in} in, {n_out} out, embedding_size {embedding_size}, hidden_size {hidden_size}); "
                f"set embedding_size to {hidden_size}, or leave tied out"
            )
        encoder = Embedding(uniform((n_in, hidden_size), 1 / np.sqrt(hidden_size), rng))
        readout = TiedLinear(encoder, np.zeros(n_out))
    return Model(encoder, stack, readout, dropout=dropout, groups=groups, dtype=dtype)
