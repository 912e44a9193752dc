"""Locks between processes. The operating system lets go of one when its process ends, however that ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from minirnn.errors import UsageError


def hold(path: Path, busy: str) -> FileLock:
    """The lock of a file, held by this process as long as the returned object lives; it may hold one several times.

    raises    UsageError(busy) if another process holds it, OSError if the file cannot be made
    """
    return _acquired(FileLock(path, thread_local=False, is_singleton=True), busy)


@contextmanager
def held(path: Path, busy: str = "") -> Iterator[None]:
    """Within the block, this thread alone holds the lock of a file.

    busy      what to say where another holds it; without it, wait until that one lets go
    raises    UsageError(busy), OSError if the file cannot be made
    """
    lock = _acquired(FileLock(path), busy)
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock, busy: str) -> FileLock:
    """On a file system without locks there is none to acquire, and nothing is guarded."""
    try:
        lock.acquire(timeout=0 if busy else -1)
    except Timeout:
        raise UsageError(busy) from None
    except NotImplementedError:
        pass
    return lock
