"""What a command that takes a while is doing, on stderr: live on a terminal, elsewhere a line for what was slow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

SLOW = 2.0      # seconds after which a step is named where there is no terminal


@contextmanager
def step(what: str) -> Iterator[None]:
    """Around one step of the work."""
    console, since = Console(stderr=True, highlight=False), time.monotonic()
    if console.is_terminal:
        with console.status(what):
            yield
        return
    yield
    seconds = time.monotonic() - since
    if seconds > SLOW:
        console.print(f"{what}  {seconds:.1f} s", soft_wrap=True)
