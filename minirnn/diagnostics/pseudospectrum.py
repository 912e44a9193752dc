"""The ε-pseudospectrum: where the eigenvalues of W can go when W is changed by ε."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.diagnostics import resolvent
from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.resolvent import Progress
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError

Array = Any

MARGIN = 1.25       # the grid's half-width over the larger of 1 and the spectral radius


class Pseudospectrum(Diagnostic):
    """log₁₀ σ_min(zI − W) on a square grid around the unit disk and all eigenvalues.  [trefethen2005, ch. 2]

    The ε-pseudospectrum, all z that are eigenvalues of some W + ΔW with ‖ΔW‖₂ < ε, is where σ_min(zI − W) < ε: one
    grid holds it for every ε. For a normal W it is everything within ε of an eigenvalue, and more for any other.

    points     of the grid in each direction
    progress   called with (points done, points) while it works

    A cell with several square blocks gets the values of their direct sum: the smallest of the blocks' at every point.
    In double precision, on the host.  Cost: one Schur form, then O(n²) per point (see resolvent.py), for a real W at
    half of the points.
    """

    summary = "σ_min(zI − W) on a grid: where eigenvalues go when W is perturbed"

    def __init__(self, points: int = 100, progress: Progress | None = None):
        if points < 2:
            raise UsageError(f"pseudospectrum needs a grid of at least 2 points a side (got {points}); 100 is usual")
        self.points, self.progress = points, progress

    def measure(self, subject: Subject) -> dict[str, Any]:
        forms = [(resolvent.schur(W), np.iscomplexobj(W)) for W in subject.square_matrices().values()]
        eigenvalues = np.concatenate([np.diag(T) for T, _ in forms])
        half = MARGIN * max(1.0, float(np.max(np.abs(eigenvalues))))
        axis = np.linspace(-half, half, self.points)
        grids = [on_grid(T, axis, axis, not is_complex, self.progress) for T, is_complex in forms]
        return {
            "x": axis.tolist(),
            "y": axis.tolist(),
            "log10_smallest": np.log10(np.minimum.reduce(grids)).tolist(),
            "eigenvalues": np.stack([eigenvalues.real, eigenvalues.imag], axis=1).tolist(),
        }


def on_grid(T: Array, x: Array, y: Array, real: bool = False, progress: Progress | None = None) -> Array:
    """σ_min((x_j + i y_i)I − T), (len(y), len(x)): row i of the result is the line of height y_i.

    T      from `resolvent.schur`
    real   T is the form of a real matrix. Then z and z* have the same value, and where y holds both heights of a pair
           only one is computed.
    """
    rows = np.arange(len(y))
    symmetric = real and bool(np.allclose(y, -y[::-1], rtol=0, atol=1e-12 * np.max(np.abs(y))))
    mirror = rows[::-1] if symmetric else rows
    wanted = rows[rows >= mirror]
    found = np.empty((len(y), len(x)))
    found[wanted] = resolvent.smallest_singular_values(T, x + 1j * y[wanted, None], progress)
    found[mirror[wanted]] = found[wanted]
    return found
