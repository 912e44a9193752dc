"""Jacobians by central differences, what the diagnostics are compared with."""

import numpy as np

from minirnn import catalog
from minirnn.cells import Elman
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense

n, m = 4, 2


def normal(shape, kind, rng):
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if kind == "c" else x


def layer_of(cell, kind="f", seed=0, scale=1.0):
    """A recurrent layer with a random initial state and random matrices, real or complex."""
    rng, G = np.random.default_rng(seed), len(cell.gates)
    matrices = {
        name: Dense(scale * normal((rows * n, columns * n), kind, rng) / np.sqrt(n))
        for name, (rows, columns) in cell.matrices.items()
    }
    h0 = tuple(normal(n, kind, rng) for _ in range(cell.states))
    U = Dense(normal((G * n, m), kind, rng))
    return Recurrent(cell, U, normal(G * n, kind, rng), h0=h0, **matrices)


def layers():
    """(label, layer) of every cell in all its variants, and of the complex Elman network."""
    for label, cell in catalog.examples("cells", n, np.random.default_rng(0)):
        yield label, layer_of(cell)
        if isinstance(cell, Elman) and "c" in cell.kinds:
            yield f"{label}, complex", layer_of(cell, "c")


def reals(state):
    """A state, (1, n) per array, as one real vector: real parts, then imaginary parts, array after array."""
    return np.concatenate([np.concatenate([s[0].real, s[0].imag] if s.dtype.kind == "c" else [s[0]]) for s in state])


def state_jacobian(layer, X, t, step=1e-6):
    """∂s_T/∂s_t (N, N) of one sequence X (T, 1, m), by moving each real number of s_t both ways."""
    kind = layer.U.matrix()[0].dtype
    state = layer.initial_state(1, np.zeros(0, kind))
    if t:
        _, state, _ = layer.forward(X[:t], state)
    columns = []
    for k in range(len(state)):
        for d in (1, 1j) if kind.kind == "c" else (1,):
            for j in range(n):
                moved = []
                for sign in (1, -1):
                    s = tuple(x.copy() for x in state)
                    s[k][0, j] += sign * step * d
                    moved.append(reals(layer.forward(X[t:], s)[1]))
                columns.append((moved[0] - moved[1]) / (2 * step))
    return np.stack(columns, axis=1)
