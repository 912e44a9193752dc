"""How many directions W can move in when its parameters do, and how evenly."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.linalg import orthogonality_error, outer_sum
from minirnn.model import walk
from minirnn.operators import dense
from minirnn.parametrizations import Parametrization, Stack
from minirnn.paths import join

Array = Any


class Capacity(Diagnostic):
    """The rank of J = ∂W/∂θ at the current parameters, beside the dimension of what W belongs to.  [wisdom2016, sec. 3]

        rank         singular values of J above its rounding error: so many directions W can move in
        parameters   real numbers that W depends on (columns of J that are not zero); more than the rank: redundant
        dimension    n(n − 1)/2 if W is orthogonal, n² if unitary, else the real numbers in W
        condition    the largest over the smallest singular value that counts
        gap          the smallest that counts over the next one, zero in exact arithmetic; null: all count

    A rank below the dimension is a restricted capacity: almost no W of that kind can be reached. A large condition
    number says that some directions are nearly out of reach of a gradient step. Parameters that move on a manifold
    are counted by their tangent space. The parts of a stack, and the matrices of a cell, are counted one by one.

    limit    entries of J, at most: it has one row per real number in W and one column per parameter
    On the host, in double precision.   Cost: a pullback per row of J, O(n⁵), and its singular values, O(n⁶).
    raises   UsageError if J would be larger than the limit, or limit is not positive
    """

    summary = "rank and condition of ∂W/∂θ: what a parametrization can reach, and how evenly"

    def __init__(self, limit: int = 4_000_000):
        if limit < 1:
            raise UsageError(f"capacity needs a positive limit (got {limit}); 4000000 suits n = 32")
        self.limit = limit

    def measure(self, subject: Subject) -> dict[str, Any]:
        model = copy.deepcopy(subject.model).to("numpy").astype(np.float64)
        matrices = model.layers[subject.index].matrices
        parts = dict(part for name, p in matrices.items() for part in _parts(name, p))
        for name, p in parts.items():
            self._refuse_large(join(subject.name, name), p)
        found = {name: capacity(p) for name, p in parts.items()}
        first, *others = found.values()
        if not others:
            return first
        gaps = [part["gap"] for part in found.values() if part["gap"] is not None]
        return {
            **{key: sum(part[key] for part in found.values()) for key in ("rank", "parameters", "dimension")},
            "condition": max(part["condition"] for part in found.values()),
            "gap": min(gaps) if gaps else None,
            "matrices": found,
        }

    def _refuse_large(self, name: str, p: Parametrization) -> None:
        W = p.matrix()[0]
        rows, columns = _reals(W), sum(_reals(x) for _, part in walk("", p) for x in part.params.values())
        if rows * columns > self.limit:
            raise UsageError(
                f"∂W/∂θ of {name} would have {rows} x {columns} entries (limit {self.limit}); "
                "ask a smaller layer of the same kind, or raise the limit with --option "
                f"capacity.limit={rows * columns}"
            )


def capacity(p: Parametrization) -> dict[str, Any]:
    """The fields for one parametrization, with its arrays on the host in double precision."""
    J = jacobian(p)
    s = np.linalg.svd(J, compute_uv=False) if J.size else np.zeros(0)
    largest = s[0] if s.size else 0.0
    floor = max(J.shape) * np.finfo(float).eps * largest            # the rounding error of J's entries, as in rank
    rank = int(np.sum(s > floor))
    return {
        "rank": rank,
        "parameters": J.shape[1],
        "dimension": dimension(p),
        "condition": float(largest / s[rank - 1]) if rank else 1.0,
        "gap": float(s[rank - 1] / max(s[rank], np.finfo(float).eps * largest)) if 0 < rank < len(s) else None,
    }


def jacobian(p: Parametrization) -> Array:
    """J = ∂W/∂θ (real numbers in W, parameters), exactly: row (i, j) is the pullback of the unit matrix E_ij.

    For a complex W there follow the rows of i E_ij, the gradients of Im W_ij, and a complex parameter has two columns.
    A gradient in a parameter that lives on a manifold is projected on the tangent space. Columns of zeros are left out.
    A parametrization with a pseudo-gradient is replaced by the one whose gradient it stands for.
    """
    p = p.claim()
    W, cache = p.matrix()
    n, m = W.shape
    is_complex = W.dtype.kind == "c"
    rows = []
    for factor in (1, 1j) if is_complex else (1,):
        for i in range(n):
            for j in range(m):
                left, right = np.zeros((1, n), W.dtype), np.zeros((1, m), W.dtype)
                left[0, i], right[0, j] = factor, 1
                rows.append(_row(p, p.pullback(outer_sum(W, left, right), cache)))
    J = np.asarray(rows)
    return J[:, np.any(J != 0, axis=0)]


def dimension(p: Parametrization) -> int:
    """Of the set that W is compared with: n(n − 1)/2 if it is orthogonal, n² if unitary, else the real numbers in W."""
    W = p.matrix()[0]
    W = dense(W)
    n, m = W.shape
    if n == m and orthogonality_error(W) < 1e-3:
        return n * n if np.iscomplexobj(W) else n * (n - 1) // 2
    return _reals(W)


def _row(p: Parametrization, grads: dict[str, Array]) -> Array:
    """The gradients of one number as one row of real numbers."""
    entries = []
    for name, d in grads.items():
        if name in p.manifold:
            d = _tangent(p.params[name], d)
        entries += [d.real.ravel(), d.imag.ravel()] if np.iscomplexobj(d) else [d.ravel()]
    return np.concatenate(entries)


def _tangent(M: Array, G: Array) -> Array:
    """G − M (MᴴG + GᴴM)/2: its projection on the tangent space at M of the matrices with MᴴM = I."""
    S = M.conj().T @ G
    return G - M @ (S + S.conj().T) / 2


def _reals(x: Array) -> int:
    return int(np.prod(x.shape)) * (2 if x.dtype.kind == "c" else 1)


def _parts(name: str, p: Parametrization) -> Iterator[tuple[str, Parametrization]]:
    """(path, parametrization) of what a stack is made of, or of the parametrization itself."""
    if not isinstance(p, Stack):
        yield name, p
        return
    for key, part in p.children.items():
        yield from _parts(join(name, key), part)
