"""One gated matrix out of several parametrized ones."""

from __future__ import annotations

import numpy as np

from minirnn.errors import UsageError
from minirnn.linalg import outer_sum
from minirnn.operators import Operator
from minirnn.parametrizations.base import Array, Parametrization
from minirnn.parametrizations.dense import Dense
from minirnn.parametrizations.diagonal import Diagonal
from minirnn.parametrizations.expmap import ExpMap
from minirnn.paths import join


class Stack(Parametrization):
    """W = (W_1; W_2; ...), one parametrization below the other: each gate of a cell may have its own.

    The rows of W are those of the parts, in order; part k occupies the rows R_k:

        W[R_k] = W_k                       (S1)
        W̄_k = W̄[R_k]                       (S2)  undoes (S1); part k then pulls W̄_k back to its own parameters

    Where a part is an operator there is no array W. The stack is then an operator too, and asks its parts, with z_k
    the entries R_k of z, for every row h of H:

        z_k = W_k h                        (S3)
        h̄ = Σ_k W_kᴴ z̄_k                   (S4)  undoes (S3) in h: h is used by every part
        W̄_k = Σ z̄_k hᴴ                     (S5)  undoes (S3) in W_k, summed over all rows; each on its own structure

    parts     {name: parametrization}, or a list, numbered from "0"; parameters are named "i.A", or "f" for a dense part
    matrix    an array (rows, columns), or an operator of that shape     cost: the parts', and one copy of W
    raises    UsageError if there is no part, or the parts differ in their columns
    The parts keep their own params, buffers and manifolds; a model finds them as children, and lets each of them act
    after an update.   Derivation: docs/derivations/stack.md
    """

    summary = "one parametrization per gate, stacked by rows"

    def __init__(self, parts):
        super().__init__()
        self.children = dict(parts) if isinstance(parts, dict) else {str(k): part for k, part in enumerate(parts)}
        for part in self.children.values():
            if not isinstance(part, Parametrization):
                raise UsageError(f"the parts of a stack are parametrizations (got {type(part).__name__}); try Dense(W)")
        shapes = {name: part.matrix()[0].shape for name, part in self.children.items()}
        if len({columns for _, columns in shapes.values()}) != 1:
            raise UsageError(f"a stack needs parts with the same number of columns (got shapes {shapes})")
        ends = np.cumsum([rows for rows, _ in shapes.values()]).tolist()
        self.shape = ends[-1], next(iter(shapes.values()))[1]
        self.rows = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def matrix(self):
        matrices, caches = zip(*(part.matrix() for part in self.children.values()), strict=True)
        values = matrices[0].values if isinstance(matrices[0], Operator) else matrices[0]
        if any(isinstance(W_k, Operator) for W_k in matrices):
            return Operator(self, matrices, self.shape, values), caches
        W = np.concatenate(matrices)                                # (S1)
        return W, caches

    def pullback(self, dW, cache):
        grads: dict[str, Array] = {}
        for k, (name, part) in enumerate(self.children.items()):
            dW_k = dW.gradients[k] if isinstance(dW, Parts) else dW[self.rows[k]]    # (S2) undoes (S1)
            grads.update({join(name, own): d for own, d in part.pullback(dW_k, cache[k]).items()})
        return grads

    def apply(self, H, made):
        Z = np.concatenate([H @ W_k.T for W_k in made], axis=-1)    # (S3)
        return Z

    def apply_adjoint(self, dZ, made):
        dH = sum(dZ[..., rows] @ W_k.conj() for rows, W_k in zip(self.rows, made, strict=True))    # (S4) undoes (S3)
        return dH

    def gradients(self, dZ, H, made):
        found = []
        for rows, W_k in zip(self.rows, made, strict=True):
            dW_k = outer_sum(W_k, dZ[..., rows], H)                 # (S5) undoes (S3) in W_k
            found.append(dW_k)
        return Parts(found)

    def claim(self):
        return Stack({name: part.claim() for name, part in self.children.items()})

    @classmethod
    def sized(cls, n, rng):
        return cls([Dense.sized(n, rng)])

    @classmethod
    def examples(cls, n, rng):
        orthogonal, dense = ExpMap(rng.standard_normal((n, n))), Dense(rng.standard_normal((2 * n, n)) / np.sqrt(n))
        yield "arrays", cls([orthogonal, dense])
        yield "one part", cls([ExpMap(rng.standard_normal((n, n)))])
        diagonal = Diagonal(rng.standard_normal((2, n)))
        yield "with an operator", cls({"i": ExpMap(rng.standard_normal((n, n))), "f": diagonal})
        nested = cls([Diagonal(rng.standard_normal((1, n))), Dense(rng.standard_normal((1, n)))])
        yield "nested", cls({"u": nested, "r": Dense(rng.standard_normal((n, n)))})


class Parts:
    """The gradients of a stack's parts, each of its own shape, as one vector: sums (over segments) and multiples."""

    def __init__(self, gradients):
        self.gradients = gradients

    def __add__(self, other):
        return Parts([a + b for a, b in zip(self.gradients, other.gradients, strict=True)])

    def __radd__(self, zero):
        return self

    def __mul__(self, factor):
        return Parts([factor * a for a in self.gradients])
