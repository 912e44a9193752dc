"""A network put together from the catalog: any cell, any parametrization, any activation."""

from __future__ import annotations

import numpy as np

from minirnn import catalog, initializers
from minirnn.layers import Recurrent
from minirnn.model import Group, Model
from minirnn.models.base import assemble
from minirnn.parametrizations import Dense, Stack

STARTS = ("uniform", "identity", "orthogonal")


def network(
    n_in: int, n_out: int, hidden_size: int = 128, *, rng: np.random.Generator, cell: str = "elman",
    parametrization: str = "dense", activation: str = "tanh", start: str = "uniform", **shared,
) -> Model:
    """A free composition, for experiments of one's own.

    cell               by name, see `minirnn list cells`
    parametrization    of the recurrent matrix, by name; expmap starts at W = I; one for each gate
    activation         of the elman cell, by name; a complex matrix (unitary, unitary-product) needs one defined there
    start              of a dense recurrent matrix: uniform (±1/√n), identity or orthogonal
    """
    Cell, P = catalog.find("cells", cell), catalog.find("parametrizations", parametrization)
    f = catalog.find("activations", activation)
    if start not in STARTS:
        raise catalog.unknown("start", start, STARTS)
    n = hidden_size

    def matrix(rows: int, columns: int):
        if P is Dense:
            return Dense(_start(start, (rows, columns), rng))
        if rows != columns:
            return Stack([P.sized(n, rng) for _ in range(rows // columns)])
        return P.sized(n, rng)

    def layer(width: int) -> Recurrent:
        built = Cell(f.sized(n)) if cell == "elman" else Cell.sized(n)
        G = len(built.gates)
        U = Dense(initializers.uniform((G * n, width), 1 / np.sqrt(n), rng))
        matrices = {name: matrix(r * n, c * n) for name, (r, c) in built.matrices.items()}
        if any(p.matrix()[0].dtype.kind == "c" for p in matrices.values()):
            U = Dense(U.params[""] + 1j * initializers.uniform((G * n, width), 1 / np.sqrt(n), rng))
        return Recurrent(built, U, np.zeros(G * n), **matrices)

    model = assemble(layer, n_in, n_out, n, rng=rng, **shared)
    model.groups = [*(Group(path, "geodesic") for path in model.manifold), Group("*")]
    return model


def _start(start: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    if start == "uniform":
        return initializers.uniform(shape, 1 / np.sqrt(shape[1]), rng)
    blocks = shape[0] // shape[1]
    one = initializers.identity if start == "identity" else lambda n: initializers.orthogonal((n, n), rng)
    return np.concatenate([one(shape[1]) for _ in range(blocks)])
