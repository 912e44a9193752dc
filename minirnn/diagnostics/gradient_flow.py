"""‖∂h_T/∂h_t‖: how much of the last state still depends on an early one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minirnn import unroll
from minirnn.backend import to_host
from minirnn.cells.base import State
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.double import in_double
from minirnn.diagnostics.norms import norm, over_examples
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.layers import Recurrent

Array = Any
PROBES = 103    # a stream of random numbers beside those of the trainer


class GradientFlow(Diagnostic):
    """‖J_t‖_F and ‖J_t‖₂ of J_t = ∂h_T/∂h_t along all paths, t = 0 .. T.  [chu, Table 6; math: bptt.md]

    Exact by default: the n unit vectors of h_T are sent back through the cell's own `step_backward`, all at once, and
    row j arrives at t as row j of J_t. ‖J_t‖₂ is then its largest singular value.

    With `probes` = k < n only k random orthonormal directions q_i are sent, and with Q = (q_1 .. q_k)ᵀ

        ‖J‖_F² ≈ (N/k) Σ ‖Jᵀ q_i‖²         unbiased, exact for k = N rows; Hutchinson's estimator  [hutchinson1990]
        ‖J‖₂  >= σ_max(Q J)                 a lower bound; power iteration would also need products J v, which a
                                            backward pass does not give

    A cell with two states is also measured as a whole, with s = (h, c): ∂s_T/∂s_t has the fields "state_...". What an
    LSTM remembers is in c. Complex states count as 2n real numbers, N is n or 2n.

    examples   of the batch, the first ones; means over them are geometric
    Double precision.   Cost: per example T products of (N, G n) by (G n, n), and T singular value problems: about 1 s
    at n = 128, T = 784, and 5 s for the LSTM as a whole. Memory: one sequence's tape and one J.
    raises     UsageError if examples or probes is not positive
    """

    summary = "‖∂h_T/∂h_t‖ over t, Frobenius and 2-norm, exact or by random probes; of an LSTM with its memory, too"
    watchable = True

    def __init__(self, examples: int = 4, probes: int | None = None):
        if examples < 1:
            raise UsageError(f"gradient-flow needs at least one example (got {examples})")
        if probes is not None and probes < 1:
            raise UsageError(f"gradient-flow needs at least one probe (got {probes}); leave it out for exact norms")
        self.examples, self.probes = examples, probes

    def measure(self, subject: Subject) -> dict[str, Any]:
        rng = np.random.default_rng([subject.seed, PROBES])
        subject = in_double(subject, self.examples)
        layer, examples = subject.layer, range(subject.X.shape[1])
        found: dict[str, Any] = {"t": list(range(len(subject.X) + 1)), "examples": len(examples)}
        for prefix, states in [("", 1), ("state_", 2)][: layer.cell.states]:
            norms = np.stack([self._norms(layer, subject.X[:, k : k + 1], states, rng) for k in examples], axis=-1)
            fro, two = norms                                        # (T + 1, B) each
            found |= {f"{prefix}fro_{name}": values for name, values in over_examples(fro).items()}
            found[f"{prefix}two_max"] = over_examples(two)["max"]
        return found if self.probes is None else {**found, "probes": self.probes}

    def _norms(self, layer: Recurrent, X: Array, states: int, rng: np.random.Generator) -> np.ndarray:
        """(‖·‖_F, ‖·‖₂) of the derivative of `states` states of one sequence, (2, T + 1)."""
        N, Q, scale = states * real_size(layer), None, 1.0
        if self.probes is not None and self.probes < N:
            frame = np.linalg.qr(rng.standard_normal((N, self.probes)))[0].T
            Q, scale = np.asarray(frame, like=X), np.sqrt(N / self.probes)
        norms = np.full((2, len(X) + 1), np.inf)                    # what stays infinite has left the range of numbers
        for t, rows in state_rows(layer, X, states, Q):
            J = np.concatenate([_real(R) for R in rows[:states]], axis=1)
            fro = to_host(norm(J)).item()
            if np.isfinite(fro):
                norms[:, t] = scale * fro, to_host(np.linalg.norm(J, 2)).item()
        return norms


def jacobian_norms(layer: Recurrent, X: Array) -> Array:
    """‖∂h_T/∂h_t‖_F, exactly, for t = 0 .. T and each example, in the precision of X and where X is.

    X (T, B, m), the layer's input. Returns (T + 1, B); the last row is ‖I‖_F = √n, or √(2n) for complex states, whose
    real and imaginary parts count as 2n real numbers. For a cell with two states the
    derivative is of h with respect to h, along all paths.   Cost: n backward passes per example, O(T n³).
    """
    T, B, _ = X.shape
    norms = np.empty((T + 1, B), dtype=X.dtype, like=X)
    for k in range(B):
        for t, rows in state_rows(layer, X[:, k : k + 1], 1):
            norms[t, k] = norm(rows[0])
    return norms


def state_rows(layer: Recurrent, X: Array, states: int, Q: Array | None = None) -> Iterator[tuple[int, State]]:
    """(t, Q ∂s_T/∂s_t) for t = T .. 0 of one sequence X (T, 1, m): a tuple of (k, n), one array per state.

    s      the first `states` arrays of the cell's state, (h,) or (h, c), as N real numbers; where they are complex, the
           real parts of h, then its imaginary parts, then those of c
    Q      (k, N), real; None is the identity
    A complex row holds the derivatives by the real and imaginary parts of a state as its own.
    """
    made = layer.prepare(1)
    A = layer.project(X, made.affine)
    tape = unroll.forward(layer.cell, A, layer.initial_state(1, A), made.w)
    size, n = real_size(layer), layer.hidden_size
    Q = np.identity(states * size, dtype=A.real.dtype, like=A) if Q is None else Q
    blocks = [Q[:, k * size : (k + 1) * size] for k in range(states)]
    rows = blocks if size == n else [block[:, :n] + 1j * block[:, n:] for block in blocks]
    unasked = [np.zeros_like(rows[0])] * (layer.cell.states - states)
    return unroll.adjoints(layer.cell, (*rows, *unasked), tape, made.w)


def real_size(layer: Recurrent) -> int:
    """How many real numbers h is: n, or 2n if it is complex."""
    return layer.hidden_size * (2 if layer.U.matrix()[0].dtype.kind == "c" else 1)


def _real(rows: Array) -> Array:
    """Complex rows as real ones of twice the length: real parts, then imaginary parts."""
    return np.concatenate([rows.real, rows.imag], axis=1) if rows.dtype.kind == "c" else rows
