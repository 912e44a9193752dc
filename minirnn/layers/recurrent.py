"""The layer that puts a cell into the time loop."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from minirnn import unroll
from minirnn.activations import Identity, ModReLU
from minirnn.cells import GRU, LSTM, Cell, Elman
from minirnn.errors import UsageError
from minirnn.gates import step_matrices
from minirnn.layers.base import Layer
from minirnn.linalg import as_kind
from minirnn.operators import Operator
from minirnn.parametrizations import Dense, ExpMap, Parametrization, UnitaryProduct
from minirnn.paths import join
from minirnn.products import Affine
from minirnn.regularizers import Regularizer, SoftOrthogonality, WeightDecay

Array = Any
Sums = tuple[dict[str, Array], dict[str, Array]]    # of the matrices' gradients and of the vectors', over the steps
INITIAL = "h0", "c0"    # the trained initial states' names, in the order of a cell's states


class Prepared(NamedTuple):
    """What the parameters of a layer alone decide, whatever the input."""

    U: tuple[Array, Any]                        # and its cache
    affine: Affine                              # x ↦ U x + b
    matrices: dict[str, tuple[Array, Any]]      # the cell's matrices by name, and their caches
    w: SimpleNamespace                          # the same, as the steps use them
    penalties: list[tuple[Array, Any]]          # what each regularizer says, and its cache


class Projected:
    """A = X Uᵀ + b, made when the loop asks for a segment of it: so A[steps] is in the cache when the steps read it."""

    def __init__(self, layer: Recurrent, X: Array, affine: Affine):
        self.layer, self.X, self.affine = layer, X, affine

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, steps: slice) -> Array:
        return self.layer.project(self.X[steps], self.affine)


class Recurrent(Layer):
    """A cell, its matrices and its input projection, unrolled over time.

        A = X Uᵀ + b                       (C1)  one product per segment; then the cell's own equations, in the loop
        Ū = Σ_t ā_t x_tᴴ                   (C2)  one product per segment of the loop, added up
        b̄ = Σ_t ā_t                        (C3)
        X̄ = Ā U*                           (C4)
        W̄ ← W̄ + ∂(penalties)/∂W            (C5)  and Ū likewise, before they are pulled back to the parameters

    A trained initial state is one vector, the same for every example s, wherever a sequence starts from it:

        h_{0,s} = h0                       (C6)  c0 likewise
        h̄0 = Σ_s h̄_{0,s}                   (C7)  undoes (C6); zero for a state that was carried over as a value

    cell      one step and its adjoint
    U         parametrization (G n, m) of the input matrix
    b         (G n,), one bias per gate, or None where the activation brings its own
    matrices  the cell's matrices by name, each a parametrization: {"W": ExpMap(...)}
    h0        None: every sequence starts at zero. Else where training starts: (h0,) or (h0, c0), each (n,)
    regularizers   penalties on these matrices or on U; what they add to ∂L/∂W is pulled back with it
    X (T, B, m) -> H (T, B, n).   Derivation: docs/derivations/layers.md and bptt.md
    """

    summary = "a cell unrolled over time"

    def __init__(
        self, cell: Cell, U: Parametrization, b: Array | None, *, h0: tuple[Array, ...] | None = None,
        regularizers: Sequence[Regularizer] = (), **matrices: Parametrization,
    ):
        super().__init__(**({} if b is None else {"b": b}))
        if set(matrices) != set(cell.matrices):
            raise UsageError(f"{type(cell).__name__} needs the matrices {[*cell.matrices]} (got {[*matrices]})")
        self.cell, self.U, self.matrices = cell, U, matrices
        given = {"U": U.matrix()[0], **{name: p.matrix()[0] for name, p in matrices.items()}}
        self.hidden_size = given["U"].shape[0] // len(cell.gates)
        self.children = {"": cell, "U": U, **matrices}
        for name, (rows, columns) in cell.matrices.items():
            wanted = (rows * self.hidden_size, columns * self.hidden_size)
            if given[name].shape != wanted:
                raise UsageError(
                    f"{type(cell).__name__} needs a matrix {name} of shape {wanted} (got {given[name].shape})"
                )
        if b is not None and b.shape != given["U"].shape[:1]:
            raise UsageError(f"b must have one entry per row of U, {given['U'].shape[:1]} (got {b.shape})")
        kinds = {name: x.dtype.kind for name, x in given.items()}
        if len(set(kinds.values())) > 1:
            raise UsageError(f"the matrices must all be real or all complex (got kinds {kinds}); cast with astype")
        if kinds["U"] == "f" and any(np.iscomplexobj(x) for x in (b, *(h0 or ()))):
            raise UsageError("a complex b or h0 needs complex matrices (got real ones); cast them with astype")
        cell.check(self.hidden_size, given["U"].dtype)
        for regularizer in regularizers:
            if regularizer.matrix not in ("U", *matrices):
                raise UsageError(f"there is no matrix {regularizer.matrix!r} to penalise; choose of {['U', *matrices]}")
            owner = {"U": U, **matrices}[regularizer.matrix]
            if isinstance(owner.matrix()[0], Operator):
                raise UsageError(f"a penalty needs a dense matrix; {type(owner).__name__} is applied as an operator")
        self.regularizers = tuple(regularizers)
        if h0 is not None:
            self.train_initial_state(*h0)

    def train_initial_state(self, *h0: Array) -> None:
        """Make the initial state a parameter, "h0", and for a cell with two states "c0", that starts at these (n,)."""
        given, wanted = [x.shape for x in h0], [(self.hidden_size,)] * self.cell.states
        if given != wanted:
            raise UsageError(f"an initial state of {type(self.cell).__name__} has the shapes {wanted} (got {given})")
        self.params.update(zip(INITIAL, h0, strict=False))

    def initial_state(self, batch_size: int, like: Array) -> tuple[Array, ...]:
        """h₀, and c₀: as trained, or zero; of the type and on the device of `like`, the projected input."""
        states = []
        for name in INITIAL[: self.cell.states]:
            h = np.zeros((batch_size, self.hidden_size), dtype=like.dtype, like=like)
            if name in self.params:
                h += self.params[name]                              # (C6)
            states.append(h)
        return tuple(states)

    def affine(self, U: Array) -> Affine:
        """x ↦ U x + b."""
        return Affine(U, self.params.get("b"), len(self.cell.gates))

    def project(self, X: Array, affine: Affine) -> Array:
        """a_t = U x_t + b for all t of X at once: (T, G, B, n), for one gate (T, B, n)."""
        A = affine.forward(X)                                       # (C1)
        return A

    def prepare(self, rows: int) -> Prepared:
        """U, the cell's matrices and the penalties: made once, however many pieces the sequence is run in.

        rows    how many examples a step has: what the matrices are laid out for
        """
        U, made = self.U.matrix(), {name: p.matrix() for name, p in self.matrices.items()}
        penalties = [r.forward(U[0] if r.matrix == "U" else made[r.matrix][0]) for r in self.regularizers]
        w = step_matrices(self.cell, {name: W for name, (W, _) in made.items()}, rows)
        return Prepared(U, self.affine(U[0]), made, w, penalties)

    def forward(self, X, state=None, keep=True, made=None):
        """(H, last state, tape). `state` None is h₀; keep=False gives no tape, for evaluation.

        made    what `prepare` gave for the sequence of which X is a piece; None: X is the sequence
        """
        made = self.prepare(X.shape[1]) if made is None else made
        A = Projected(self, X, made.affine)
        carried = state is not None
        state = state if carried else self.initial_state(X.shape[1], A[:1])
        tape = unroll.forward(self.cell, A, state, made.w, keep)
        return tape.states[0][1:], tuple(S[-1] for S in tape.states), (X, made, tape, carried)

    def reverse(self, X, last, lost, made):
        """(H, first state, tape), as `forward` gave them, from the last state and the bits that `cell.lost` told."""
        tape = unroll.reverse(self.cell, Projected(self, X, made.affine), last, lost, made.w)
        return tape.states[0][1:], tuple(S[0] for S in tape.states), (X, made, tape, True)

    def backward(self, dH, cache, input_gradient=True):
        """dH (K, B, n), at the last K steps, to (dX (T, B, m), gradients); dX is None where nobody asks for it."""
        _, made, _, carried = cache
        sums: Sums = {}, {}
        dX, dstate = self.undo(dH, cache, sums, input_gradient)
        return dX, self.finish(sums, dstate, made, carried)

    def undo(self, dH, cache, sums, input_gradient=True, dstate=None):
        """(dX, ∂L/∂(first state)) of a sequence or a piece of it; what it adds to the other gradients goes to `sums`.

        dstate   ∂L/∂(last state) through the pieces that come after, if any; it is overwritten
        """
        X, made, tape, _ = cache
        matrices, vectors = sums
        dX = np.empty_like(X) if input_gradient else None

        def take(steps: slice, dA: Array) -> None:
            both = made.affine.gradients(dA, X[steps])
            dU = both[0]                                            # (C2)
            db = both[1]                                            # (C3)
            unroll.accumulate(matrices, {"U": dU})
            unroll.accumulate(vectors, {"b": db})
            if dX is not None:
                dX[steps] = as_kind(made.affine.adjoint(dA), X)         # (C4)

        dstate, dW, found = unroll.backward(self.cell, dH, tape, made.w, take, dstate)
        unroll.accumulate(matrices, dW)
        unroll.accumulate(vectors, found)
        return dX, dstate

    def finish(self, sums, dstate, made, carried):
        """The gradients of all parameters, from the sums over the sequence and ∂L/∂(its first state)."""
        dW, grads = sums
        db = grads.pop("b")
        if "b" in self.params:
            grads["b"] = as_kind(db, self.params["b"])
        for name, d in zip(INITIAL, dstate, strict=False):
            if name in self.params:
                dh0 = as_kind(np.sum(d, axis=0), self.params[name])  # (C7) undoes (C6)
                grads[name] = np.zeros_like(dh0) if carried else dh0
        for regularizer, (_, penalty_cache) in zip(self.regularizers, made.penalties, strict=True):
            total = dW[regularizer.matrix] + regularizer.backward(penalty_cache)    # (C5)
            dW[regularizer.matrix] = total
        for name, d in self.U.pullback(dW["U"], made.U[1]).items():
            grads[join("U", name)] = d
        for matrix, parametrization in self.matrices.items():
            for name, d in parametrization.pullback(dW[matrix], made.matrices[matrix][1]).items():
                grads[join(matrix, name)] = d
        return grads

    def penalty(self, cache) -> Array:
        """The sum of the regularizers' values on this tape; 0 without any."""
        return sum(value for value, _ in cache[1].penalties)

    @classmethod
    def examples(cls, n, rng):
        def dense(rows, columns):
            return Dense(rng.standard_normal((rows, columns)) / np.sqrt(columns))

        X = rng.standard_normal((5, 3, 2))
        yield "elman", (cls(Elman(), dense(n, 2), rng.standard_normal(n), W=dense(n, n)), X)
        orthogonal = ExpMap(rng.standard_normal((n, n)))
        yield "elman, expmap", (cls(Elman(), dense(n, 2), rng.standard_normal(n), W=orthogonal), X)
        penalties = SoftOrthogonality(0.3), WeightDecay(0.2, "U")
        yield "penalties", (cls(Elman(), dense(n, 2), np.zeros(n), W=dense(n, n), regularizers=penalties), X)
        yield "lstm", (cls(LSTM(), dense(4 * n, 2), rng.standard_normal(4 * n), W=dense(4 * n, n)), X)
        h0 = (rng.standard_normal(n),)
        yield "elman, h0", (cls(Elman(), dense(n, 2), rng.standard_normal(n), h0=h0, W=dense(n, n)), X)
        h0 = tuple(rng.standard_normal((2, n)))
        yield "lstm, h0", (cls(LSTM(), dense(4 * n, 2), rng.standard_normal(4 * n), h0=h0, W=dense(4 * n, n)), X)
        after, W_h = GRU("after", rng.standard_normal(n)), ExpMap(rng.standard_normal((n, n)))
        unitary, modrelu = UnitaryProduct.random(n, rng), ModReLU(rng.uniform(-0.3, 0, n))
        U, h0 = Dense(_complex((n, 2), rng)), (_complex((n,), rng),)
        yield "complex, real input", (cls(Elman(modrelu), U, None, h0=h0, W=unitary), X)
        U, W, b = Dense(_complex((n, 2), rng)), Dense(_complex((n, n), rng) / n), _complex((n,), rng)
        yield "complex, complex input", (cls(Elman(modrelu), U, b, W=W), _complex((5, 3, 2), rng))
        yield "complex, real bias", (cls(Elman(Identity()), U, b.real.copy(), h0=(b.real.copy(),), W=unitary), X)
        yield "gru", (cls(after, dense(3 * n, 2), rng.standard_normal(3 * n), W=dense(2 * n, n), W_h=W_h), X)


def _complex(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
