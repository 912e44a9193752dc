"""Memory: freed arrays stay with the process, so that the next training step finds them again."""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3    # names and numbers of malloc.h


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to keep what is freed; True if it agreed, False (and nothing changed) where it is not glibc.

    Each training step makes the same few arrays of some megabytes and drops them. By default glibc returns such arrays
    to the kernel, and the next step pays for every page again: a fault, and zeros written to it. That is a tenth to a
    quarter of a step on the benchmark's workloads.

    The price: the process keeps its peak memory until it ends. It is a setting of the whole process, so a program makes
    it, not the library: the command line and the benchmark do.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):                    # musl and macOS; static builds; Windows
        return False
    # glibc before 2.35 refuses thresholds above 32 MiB
    served_from_the_heap = mallopt(M_MMAP_THRESHOLD, 2**30) or mallopt(M_MMAP_THRESHOLD, 2**25)
    return bool(served_from_the_heap and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
