"""A whole sequence in one launch per direction, instead of the loop of `minirnn.unroll`."""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from typing import Any

import numpy as np

from minirnn.cells import GRU, Cell, PeepholeLSTM
from minirnn.kernels import budget
from minirnn.kernels.device import contiguous, pack
from minirnn.kernels.elementwise import cache_of, keeps_extra, stacked
from minirnn.kernels.programs import Program, own_numbers
from minirnn.linalg import outer_sum
from minirnn.products import join, split

Array = Any


class Caches(collections.abc.Sequence):
    """The caches of T steps as the step loop would have left them, made when they are asked for.

    A view costs the host a microsecond: making four per step for all steps would take longer than the kernel.
    """

    def __init__(self, walk: Sequence, A: Array, extra: Array | None):
        self.walk, self.A, self.extra = walk, A, extra

    def __len__(self) -> int:
        return len(self.A)

    def __getitem__(self, t: Any) -> Any:
        if isinstance(t, slice):
            return [self[k] for k in range(*t.indices(len(self)))]
        gates = split(self.A[t], len(self.walk.cell.gates))
        return cache_of(gates, None if self.extra is None else self.extra[t])


class Sequence:
    """Forward and backward over T steps, with the tape and the gradients of `unroll.forward` and `unroll.backward`.

    Differs: gradients that have vanished are not replaced by exact zeros; a device multiplies denormal numbers at full
    speed. ∂L/∂A is kept for the whole sequence, (T, B, G n) numbers more, and each weight gradient is one product.
    """

    def __init__(self, cell: Cell, program: Program, device: Any):
        self.cell, self.program, self.device = cell, program, device

    def forward(self, A: Array, state: tuple[Array, ...], w: Any, keep: bool) -> tuple[tuple[Array, ...], Any]:
        A = contiguous(join(A, len(self.cell.gates)))
        (T, B, _), n = A.shape, state[0].shape[-1]
        states = tuple(np.empty((T + 1, B, n), dtype=A.dtype, like=A) for _ in state)
        for S, s in zip(states, state, strict=True):
            S[0] = s
        extra = np.empty((T, B, n), dtype=A.dtype, like=A) if keep and keeps_extra(self.cell) else None
        v, gain = own_numbers(self.cell, n, A)
        M = contiguous(stacked(self.cell, w).T)
        H, C = (*states, None)[:2]
        self._launch("forward", A, n, M, A, H, C, extra, v, gain)
        return states, Caches(self, A, extra) if keep else []

    def backward(
        self, dH: Array, tape: Any, w: Any, take: Callable[[slice, Array], None],
        dstate: tuple[Array, ...] | None = None,
    ) -> tuple[tuple[Array, ...], dict[str, Array], dict[str, Array]]:
        cell, (states, caches) = self.cell, tape
        (H, C), A, extra = (*states, None)[:2], caches.A, caches.extra
        (T, B, _), n = A.shape, H.shape[-1]
        dA: Array = np.empty_like(A)
        starts = tuple(np.empty_like(S[0]) for S in states)
        dK: Array = np.empty_like(extra) if isinstance(cell, GRU) else None
        learns = any(child.params for child in cell.children.values())
        complete: Array = np.empty((T, B, n), dtype=A.dtype, like=A) if learns else None
        v, gain = own_numbers(cell, n, A)
        M = contiguous(stacked(cell, w))
        dH = contiguous(dH)
        last = (*map(contiguous, dstate or ()), None, None)[:2]
        self._launch(
            "backward", A, n, M, A, H, C, extra, v, gain, len(dH), dH, *last, dA, dK, complete, *(*starts, None)[:2]
        )
        dA = split(dA, len(cell.gates))
        take(slice(0, T), dA)
        if isinstance(cell, GRU):                                   # one product each instead of one per segment
            matrices = {
                "W": outer_sum(w.W, dA[:, :2], H[:-1]),             # (G26)
                "W_h": outer_sum(w.W_h, dK, H[:-1]),                # (G20)
            }
            vectors = {"b_hn": np.sum(dK.reshape(-1, n), axis=0)}   # (G21)
        else:
            matrices = cell.matrix_gradients(dA, states, [], w)
            vectors = {}
        if complete is not None:                                    # the parameters of f, from all steps as one batch
            dh, h, z = (x.reshape(-1, n) for x in (complete, H[1:], A))
            vectors = cell.vector_gradients((dh,), (h,), (h,), z, z)
        if isinstance(cell, PeepholeLSTM):                          # likewise
            before, after = (tuple(S[k : k + T].reshape(-1, n) for S in states) for k in (0, 1))
            vectors = cell.vector_gradients((), before, after, (), dA.swapaxes(0, 1).reshape(4, -1, n))
        return starts, matrices, vectors

    def _launch(self, name: str, A: Array, n: int, *arguments: Any) -> None:
        T, B = A.shape[:2]
        s = budget.start(
            self.cell, n, B, name, shared_limit=self.device.shared_limit, processors=self.device.processors,
            itemsize=A.dtype.itemsize,
        )
        kernel = self.device.kernel(self.program, "sequence", A.dtype, s.rows, name)
        kernel(s.blocks, s.threads, s.shared_bytes, pack(T, B, n, s.slices, s.resident, *arguments))
