"""Bounds on ‖∂h_T/∂h_t‖ from W and the activation alone: the theorem as it holds, and as it is printed."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.activations import Activation
from minirnn.backend import to_host
from minirnn.cells import Elman
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.double import in_double
from minirnn.diagnostics.gradient_flow import real_size
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.operators import dense

Array = Any


class Bounds(Diagnostic):
    """Bounds on ‖J_t‖_F, J_t = ∂h_T/∂h_t = D_T W ... D_{t+1} W, for h = f(W h + U x + b).  [chu, Theorem 1]

    With k = T − t, the singular values σ of W, β <= |f'| <= γ (or the singular values of D, where f mixes units) and
    ‖I‖_F = √N:

        upper           (σ_max γ)^k √N                       holds for every W; without √N also for ‖J_t‖₂
        lower           (σ_min β)^k √N                       likewise, and for the length of every single gradient
        lower_by_data   √N ∏_s (|det W| |det D_s|)^(1/N)     never below (σ_min β)^k √N; D_s of the examples at hand
        printed_upper   (|λ|_max γ)^k √N                     as printed, with eigenvalues: needs a normal W
        printed_lower   (|λ|_min β)^k √N                     true for every W, of ‖J_t‖_F but of no single gradient

    N = n, or 2n for complex states. The product of determinants bounds ‖J_t‖_F by the inequality of the arithmetic and
    geometric mean of the σ²(J_t). The table of the paper that evaluates the lower bound leaves √N out.

    examples   of the batch, the first ones: lower_by_data is the least over them
    On the host, in double precision.   Cost: one forward pass, one singular value and one eigenvalue problem.
    raises     UsageError for gated cells, of which the theorem says nothing, and if examples is not positive
    """

    summary = "bounds on ‖∂h_T/∂h_t‖ from σ(W) and |f'|: corrected, by determinants, and as printed"
    watchable = True

    def __init__(self, examples: int = 4):
        if examples < 1:
            raise UsageError(f"bounds needs at least one example (got {examples})")
        self.examples = examples

    def measure(self, subject: Subject) -> dict[str, Any]:
        cell = subject.layer.cell
        if not isinstance(cell, Elman):
            raise UsageError(f"bounds are known for h = f(W h + U x + b) alone (the cell is {type(cell).__name__}); "
                             "measure gradient-flow")
        subject = in_double(subject, self.examples)
        found = closed_forms(subject.matrix(), cell.f, real_size(subject.layer), len(subject.X))
        by_data = lower_by_data(subject.layer, subject.X).min(axis=-1)
        return {"t": list(range(len(by_data))), **found, "lower_by_data": by_data.tolist()}


def closed_forms(W: np.ndarray, f: Activation, N: int, T: int) -> dict[str, Any]:
    """The four bounds for t = 0 .. T as lists, with the σ, |λ|, β and γ that they are made of; W (n, n) on the host."""
    singular, moduli = np.linalg.svd(W, compute_uv=False), np.abs(np.linalg.eigvals(W))
    (beta, gamma), k = f.bounds, np.arange(T, -1, -1)
    factors = {"upper": singular.max() * gamma, "lower": singular.min() * beta,
               "printed_upper": moduli.max() * gamma, "printed_lower": moduli.min() * beta}
    with np.errstate(over="ignore"):                                # what is beyond the range of numbers is infinite
        lines = {name: (np.sqrt(N) * factor**k).tolist() for name, factor in factors.items()}
    scalars = {"sigma_min": singular.min(), "sigma_max": singular.max(), "lambda_min": moduli.min(),
               "lambda_max": moduli.max(), "beta": beta, "gamma": gamma}
    return {**{name: float(x) for name, x in scalars.items()}, **lines}


def lower_by_data(layer: Recurrent, X: Array) -> np.ndarray:
    """√N ∏_s (|det W| |det D_s|)^(1/N), s = t+1 .. T, for t = 0 .. T and each example of X (T, B, m): (T + 1, B)."""
    _, _, (*_, tape, _) = layer.forward(X)
    W, N = to_host(dense(layer.matrices["W"].matrix()[0])), real_size(layer)
    f, states = layer.cell.children["activation"], tape.states[0]
    with np.errstate(divide="ignore"):                              # ln 0 = −∞ for a unit that is off, or a singular W
        logs = [np.sum(np.log(volume(f, z, states[s + 1])), axis=-1) for s, z in enumerate(tape.caches)]
        steps = to_host(np.stack(logs)) + np.sum(np.log(np.linalg.svd(W, compute_uv=False))) * N / len(W)
    until = np.concatenate([np.cumsum(steps[::-1], axis=0)[::-1], np.zeros_like(steps[:1])])
    return np.sqrt(N) * np.exp(until / N)


def volume(f: Activation, z: Array | None, h: Array) -> Array:
    """By what each unit's own part of ∂h/∂z scales volume, (B, n): |f'| for a real z; for a complex one, the area.

    Their product over the units is |det D|, also for a permutation of units.
    """
    one = np.ones_like(h)
    along = f.backward(one, z, h)
    return np.abs(along) if h.dtype.kind != "c" else np.abs((along.conj() * f.backward(1j * one, z, h)).imag)
