"""How a sequence kernel is started: examples and threads per block, and how much of the matrix is in shared memory.

A block holds, in numbers of `itemsize` bytes, with G gates, s states, R rows and S slices of the product:

    forward     R (n + S G n + (s − 1) n)      h, the partial sums, c               W: n rows of G n
    backward    R (G n + S n + s n)            ∂L/∂(W h), the partial sums, carry   W: G n rows of n

and as many rows of W as fit besides; the others are read through the second-level cache at every step.
"""

from __future__ import annotations

import dataclasses

from minirnn.cells import Cell

THREADS = 1024
ROWS = (1, 2, 4, 8)
SHARE = 0.5         # of W that must be in shared memory for `auto` to walk; a figure chosen, not measured
WAVES = 2           # blocks per multiprocessor beyond which `auto` does not walk; likewise
SHARED = {80: 163 * 1024, 90: 227 * 1024}     # bytes one block may ask for, by compute capability; CUDA's own figures


@dataclasses.dataclass(frozen=True)
class Start:
    """One direction's launch: blocks of `threads`, each with `rows` examples and `resident` of the K rows of W."""

    blocks: int
    threads: int
    rows: int
    slices: int
    resident: int
    K: int
    shared_bytes: int

    @property
    def share(self) -> float:
        return self.resident / self.K


def rows_per_block(B: int, processors: int) -> int:
    """The fewest examples per block with which all blocks run at once, so that no example waits for another."""
    return next((rows for rows in ROWS if -(-B // rows) <= processors), ROWS[-1])


def start(
    cell: Cell, n: int, B: int, direction: str, *, shared_limit: int, processors: int = 1, itemsize: int = 4,
    rows: int | None = None, threads: int = THREADS,
) -> Start:
    """The launch of "forward" or "backward"; `resident` is negative where not even the vectors fit."""
    G, s = len(cell.gates), cell.states
    K, N = (n, G * n) if direction == "forward" else (G * n, n)
    R = rows_per_block(B, processors) if rows is None else rows
    S = max(1, min(threads // N, K // 8))                           # at least eight terms per slice
    vectors = K + S * N + (s - 1 if direction == "forward" else s) * n
    resident = min(K, (shared_limit - vectors * R * itemsize) // (N * itemsize))
    warps = -(-min(threads, S * N) // 32)
    return Start(-(-B // R), 32 * warps, R, S, resident, K, (vectors * R + max(resident, 0) * N) * itemsize)


def serves(cell: Cell, n: int, B: int = 1, *, shared_limit: int, processors: int = 1, share: float = SHARE) -> bool:
    """Whether both directions have at least `share` of W in shared memory, in float32."""
    starts = [
        start(cell, n, B, direction, shared_limit=shared_limit, processors=processors)
        for direction in ("forward", "backward")
    ]
    return all(s.resident >= 0 and s.share >= share for s in starts)


def largest(cell: Cell, shared_limit: int, share: float = SHARE) -> int:
    """The largest n, a multiple of four, for which `serves`, with one example per block."""
    n = 4
    while serves(cell, n + 4, shared_limit=shared_limit, share=share):
        n += 4
    return n
