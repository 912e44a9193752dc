"""Layers: linear, one-hot, embedding, dropout, and the recurrent layer that puts a cell into the time loop.

Each layer's `backward` returns (∂L/∂input, {name: gradient}) and stores nothing: what it needs is in the cache.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from minirnn import unroll
from minirnn.cells import LSTM, Cell, Elman
from minirnn.errors import UsageError
from minirnn.linalg import outer_sum
from minirnn.parametrizations import Dense, ExpMap, Parametrization
from minirnn.rows import Rows

Array = Any


class Layer(ABC):
    """params: name -> array, trained; buffers: name -> array, fixed; children: name -> part with params of its own."""

    summary: ClassVar[str]

    def __init__(self, **params: Array) -> None:
        self.params: dict[str, Array] = params
        self.buffers: dict[str, Array] = {}
        self.children: dict[str, Any] = {}

    @classmethod
    def examples(cls, n: int, rng: np.random.Generator) -> Iterator[tuple[str, tuple[Layer, Array]]]:
        """Small labelled (layer, input), for the gradient checks."""
        yield from ()


class Linear(Layer):
    """y = W x + b at every position.

        Y = X Wᵀ + b                       (N1)
        W̄ = Σ ȳ xᴴ                         (N2)  one product over all positions
        b̄ = Σ ȳ                            (N3)
        X̄ = Ȳ W*                           (N4)

    W (rows, columns), b (rows,); X (..., columns) -> Y (..., rows).   Derivation: docs/derivations/layers.md
    """

    summary = "y = W x + b"

    def __init__(self, W, b):
        super().__init__(W=W, b=b)

    def forward(self, X):
        Y = X @ self.params["W"].T + self.params["b"]               # (N1)
        return Y, X

    def backward(self, dY, cache):
        X = cache
        dW = outer_sum(self.params["W"], dY, X)                     # (N2)
        db = np.sum(dY.reshape(-1, dY.shape[-1]), axis=0)           # (N3)
        dX = dY @ self.params["W"].conj()                           # (N4)
        return dX, {"W": dW, "b": db}

    @classmethod
    def examples(cls, n, rng):
        yield "", (cls(rng.standard_normal((n + 1, n)), rng.standard_normal(n + 1)), rng.standard_normal((4, 3, n)))


class OneHot(Layer):
    """Symbols (T, B) to indicator vectors (T, B, size). Nothing to train, and no gradient reaches a symbol."""

    summary = "symbols as indicator vectors"

    def __init__(self, size: int):
        super().__init__()
        self.buffers["ones"] = np.ones(size)

    def forward(self, x):
        ones = self.buffers["ones"]
        return (x[..., None] == np.arange(len(ones), like=ones)) * ones, None    # no (size, size) table of rows

    def backward(self, dX, cache):
        return None, {}


class Embedding(Layer):
    """A trainable vector per symbol, X_tb = E[x_tb] (M1); Ē is the sum of x̄ over the places where a row was read (M2).

    Ē is returned as `Rows`, so a large table costs what was read of it.
    E (symbols, m); x (T, B) integers -> X (T, B, m).   Derivation: docs/derivations/layers.md
    """

    summary = "a trainable vector per symbol"

    def __init__(self, E):
        super().__init__(E=E)

    def forward(self, x):
        X = self.params["E"][x]                                     # (M1)
        return X, x

    def backward(self, dX, cache):
        x = cache
        values = dX.reshape(-1, dX.shape[-1])                       # (M2)
        return None, {"E": Rows(x.reshape(-1), values)}

    @classmethod
    def examples(cls, n, rng):
        yield "", (cls(rng.standard_normal((n, 3))), rng.integers(0, n, (4, 3)))


class TiedLinear(Layer):
    """Y = X Eᵀ + b with E the table of an embedding: one matrix for symbols in and symbols out.  [press2017, sec. 3]

    The score of a symbol is the inner product of the state with the symbol's own vector.

        Y = X Eᵀ + b                       (T1)
        Ē = Σ ȳ xᴴ                         (T2)  of this use alone: the model adds the embedding's
        b̄ = Σ ȳ                            (T3)
        X̄ = Ȳ E*                           (T4)

    embedding  whose E (symbols, m) is used, and trained, in both places
    b (symbols,); X (..., m) -> Y (..., symbols).   Derivation: docs/derivations/layers.md
    """

    summary = "a read-out that shares the embedding's table"

    def __init__(self, embedding: Embedding, b: Array):
        super().__init__(b=b)
        self.children[""] = embedding

    def forward(self, X):
        E = self.children[""].params["E"]
        Y = X @ E.T + self.params["b"]                              # (T1)
        return Y, (X, E)

    def backward(self, dY, cache):
        X, E = cache
        dE = outer_sum(E, dY, X)                                    # (T2)
        db = np.sum(dY.reshape(-1, dY.shape[-1]), axis=0)           # (T3)
        dX = dY @ E.conj()                                          # (T4)
        return dX, {"E": dE, "b": db}

    @classmethod
    def examples(cls, n, rng):
        table = Embedding(rng.standard_normal((n + 1, n)))
        yield "", (cls(table, rng.standard_normal(n + 1)), rng.standard_normal((4, 3, n)))


class Dropout(Layer):
    """Y = X ⊙ M / (1 − rate), M Bernoulli(1 − rate) (P1); X̄ = Ȳ ⊙ M / (1 − rate) (P2), the same M.  [srivastava2014]

    Only between layers: zeros inside the recurrence would destroy its norm preservation. The mask is drawn from `rng`
    on the host; rng = None means evaluation and returns X.
    rate     probability of dropping, 0 <= rate < 1
    """

    summary = "dropout between layers, never inside the recurrence"

    def __init__(self, rate: float):
        super().__init__()
        if not 0 <= rate < 1:
            raise UsageError(f"dropout must lie in [0, 1) (got {rate}); 0 switches it off")
        self.rate = rate

    def forward(self, X, rng):
        if rng is None or self.rate == 0:
            return X, None
        keep = (rng.random(X.shape) >= self.rate) / (1 - self.rate)
        mask = np.asarray(keep.astype(X.dtype), like=X)
        Y = X * mask                                                # (P1)
        return Y, mask

    def backward(self, dY, cache):
        mask = cache
        dX = dY if mask is None else dY * mask                      # (P2) undoes (P1)
        return dX, {}

    @classmethod
    def examples(cls, n, rng):
        yield "rate 0.4", (cls(0.4), rng.standard_normal((4, 3, n)))


class Recurrent(Layer):
    """A cell, its matrices and its input projection, unrolled over time.

        A = X Uᵀ + b                       (C1)  all t at once; then the cell's own equations, in the loop
        Ū = Σ_t ā_t x_tᴴ                   (C2)  one product per segment of the loop, added up
        b̄ = Σ_t ā_t                        (C3)
        X̄ = Ā U*                           (C4)

    cell      one step and its adjoint
    U         parametrization (G n, m) of the input matrix
    b         (G n,), one bias per gate
    matrices  the cell's matrices by name, each a parametrization: {"W": ExpMap(...)}
    X (T, B, m) -> H (T, B, n).   Derivation: docs/derivations/layers.md and bptt.md
    """

    summary = "a cell unrolled over time"

    def __init__(self, cell: Cell, U: Parametrization, b: Array, **matrices: Parametrization):
        super().__init__(b=b)
        if set(matrices) != set(cell.matrices):
            raise UsageError(f"{type(cell).__name__} needs the matrices {[*cell.matrices]} (got {[*matrices]})")
        self.cell, self.U, self.matrices = cell, U, matrices
        self.hidden_size = len(b) // len(cell.gates)
        self.children = {"": cell, "U": U, **matrices}
        for name, (rows, columns) in cell.matrices.items():
            wanted = (rows * self.hidden_size, columns * self.hidden_size)
            given = matrices[name].matrix()[0].shape
            if given != wanted:
                raise UsageError(f"{type(cell).__name__} needs a matrix {name} of shape {wanted} (got {given})")

    def initial_state(self, batch_size: int) -> tuple[Array, ...]:
        """h₀ = 0, and c₀ = 0."""
        b = self.params["b"]
        shape = (batch_size, self.hidden_size)
        return tuple(np.zeros(shape, dtype=b.dtype, like=b) for _ in range(self.cell.states))

    def forward(self, X, state=None, keep=True):
        """(H, last state, tape). `state` None is h₀; keep=False gives no tape, for evaluation."""
        (U, U_cache), made = self.U.matrix(), {name: p.matrix() for name, p in self.matrices.items()}
        state = self.initial_state(X.shape[1]) if state is None else state
        A = X @ U.T
        A += self.params["b"]                                       # (C1)
        w = SimpleNamespace(**{name: _column_major(W) for name, (W, _) in made.items()})
        tape = unroll.forward(self.cell, A, state, w, keep)
        last = tuple(S[-1] for S in tape.states)
        return tape.states[0][1:], last, (X, U, U_cache, made, tape)

    def backward(self, dH, cache, input_gradient=True):
        """dH (K, B, n), at the last K steps, to (dX (T, B, m), gradients); dX is None where nobody asks for it."""
        X, U, U_cache, made, tape = cache
        w = SimpleNamespace(**{name: W for name, (W, _) in made.items()})
        dU, db = np.zeros_like(U), np.zeros_like(self.params["b"])
        dX = np.empty_like(X) if input_gradient else None

        def take(steps: slice, dA: Array) -> None:
            nonlocal dU, db
            dU = dU + outer_sum(U, dA, X[steps])                    # (C2)
            db = db + np.sum(dA.reshape(-1, dA.shape[-1]), axis=0)  # (C3)
            if dX is not None:
                dX[steps] = dA @ U.conj()                           # (C4)

        _, dW, grads = unroll.backward(self.cell, dH, tape, w, take)
        grads["b"] = db
        for name, d in self.U.pullback(dU, U_cache).items():
            grads[join("U", name)] = d
        for matrix, parametrization in self.matrices.items():
            for name, d in parametrization.pullback(dW[matrix], made[matrix][1]).items():
                grads[join(matrix, name)] = d
        return dX, grads

    @classmethod
    def examples(cls, n, rng):
        def dense(rows, columns):
            return Dense(rng.standard_normal((rows, columns)) / np.sqrt(columns))

        X = rng.standard_normal((5, 3, 2))
        yield "elman", (cls(Elman(), dense(n, 2), rng.standard_normal(n), W=dense(n, n)), X)
        orthogonal = ExpMap(rng.standard_normal((n, n)))
        yield "elman, expmap", (cls(Elman(), dense(n, 2), rng.standard_normal(n), W=orthogonal), X)
        yield "lstm", (cls(LSTM(), dense(4 * n, 2), rng.standard_normal(4 * n), W=dense(4 * n, n)), X)


def join(prefix: str, name: str) -> str:
    """Parameter names are paths; the empty name stands for its owner."""
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _column_major(W: Array) -> Array:
    """W laid out so that W.T, which every step multiplies by, is contiguous: 1.6x per product at n = 128."""
    return W.copy(order="F") if hasattr(W, "dtype") else W
