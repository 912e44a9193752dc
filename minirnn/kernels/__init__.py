"""CUDA kernels for the time loop: one per step and direction, or one per sequence and direction.

The equations stay where they are, in the cells; the `.cu` files repeat them under the same tags and are compared with
them.  Only CuPy arrays are ever given to a kernel.  docs/kernels.md says what each computes, and how it is checked.

`cell.kernel` says which is used:

    auto         the sequence kernel where most of W fits into shared memory, else the elementwise one, else none
    step         none: the cell's own lines, as on the host
    elementwise  a product and one kernel per step
    sequence     one kernel for all steps; float32
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minirnn.cells import Cell
from minirnn.errors import UsageError
from minirnn.gates import whole
from minirnn.kernels import budget, device
from minirnn.kernels.elementwise import Elementwise
from minirnn.kernels.programs import program
from minirnn.kernels.sequence import Caches, Sequence
from minirnn.operators import Operator

__all__ = ["KERNELS", "Caches", "Elementwise", "Sequence", "elementwise", "force", "sequence"]

Array = Any
KERNELS = ("auto", "step", "elementwise", "sequence")


def sequence(cell: Cell, h: Array, T: int, w: Any) -> Sequence | None:
    """What runs all T steps from h (B, n) at once, or None if the steps are taken one by one."""
    place = device.device_of(h) if cell.kernel in ("auto", "sequence") else None
    made = None if place is None else program(cell)
    if place is None or made is None or not _plain(cell, h, w) or h.dtype != np.float32 or T == 0:
        return None
    if cell.kernel == "auto":
        B, n = h.shape
        sizes = {"shared_limit": place.shared_limit, "processors": place.processors}
        blocks = budget.start(cell, n, B, "forward", **sizes).blocks
        if blocks > budget.WAVES * place.processors or not budget.serves(cell, n, B, **sizes):
            return None
    return Sequence(cell, made, place)


def elementwise(cell: Cell, x: Array, w: Any) -> Any:
    """`cell`, or what stands in for it where x, a state or dH, is on a device and a kernel serves the cell."""
    place = device.device_of(x) if cell.kernel in ("auto", "elementwise") else None
    made = None if place is None else program(cell)
    if made is None or not _plain(cell, x, w) or x.dtype.char not in "fd":
        return cell
    return Elementwise(cell, made, place)


def force(name: str, layers: Any, place: str, dtype: Any) -> None:
    """Let the cells of these recurrent layers use this kernel.

    raises UsageError if it cannot serve them: a kernel that was asked for is never replaced by another.
    """
    if name not in KERNELS:
        raise UsageError(f"unknown kernel {name!r}; use one of {', '.join(KERNELS)}")
    for layer in layers:
        cell, n = layer.cell, layer.hidden_size
        if name in ("elementwise", "sequence"):
            reason = _refusal(name, layer, place, dtype)
            if reason:
                raise UsageError(f"--kernel {name} cannot serve {type(cell).__name__} with n = {n}: {reason}")
        cell.kernel = name


def _refusal(name: str, layer: Any, place: str, dtype: Any) -> str | None:
    """Why not, and what to do; None if it can."""
    cell, n = layer.cell, layer.hidden_size
    matrices = [p.matrix()[0] for p in layer.matrices.values()]
    if place != "cupy":
        return f"kernels run on a CUDA device and the backend is {place}; add --backend cupy, or use --kernel auto"
    if program(cell) is None:
        return "there is no kernel for this cell or its activation; use --kernel auto"
    if any(isinstance(W, Operator) or W.dtype.kind == "c" for W in matrices):
        return "its recurrent matrix is complex or applied as an operator; use --kernel auto"
    if name == "sequence" and np.dtype(dtype) != np.float32:
        return f"it computes in float32, not in {np.dtype(dtype)}; use --dtype float32 or --kernel elementwise"
    if name == "sequence":
        limit = device.device_of(matrices[0]).shared_limit          # type: ignore[union-attr]
        if not budget.serves(cell, n, shared_limit=limit):
            return f"half of its matrix must fit into {limit} bytes of shared memory; use --kernel elementwise"
    return None


def _plain(cell: Cell, x: Array, w: Any) -> bool:
    """Whether all matrices and parameters are arrays of the type of x: no operators, no mixed precision."""
    matrices = [whole(getattr(w, name)) for name in cell.matrices]
    vectors = [v for part in (cell, *cell.children.values()) for v in part.params.values()]
    return not any(isinstance(W, Operator) for W in matrices) and all(v.dtype == x.dtype for v in (*matrices, *vectors))
