"""What computed a number: versions, commit and machine, as they are when it is computed."""

from __future__ import annotations

import os
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

import numpy as np

from minirnn import __version__


def origin() -> dict[str, str]:
    """{"minirnn", "numpy", "python", "commit", "machine"}: versions, "" for no commit, processor and cores."""
    return {
        "minirnn": __version__, "numpy": np.__version__, "python": platform.python_version(), "commit": commit(),
        "machine": f"{platform.system()}, {processor()}, {os.cpu_count()} cores",
    }


def commit() -> str:
    """The commit of the git repository that this package lies in, marked where files differ from it; else ""."""
    line = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=, changed", "--exclude=*"]
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return ""


def processor() -> str:
    """The processor as Linux names it, elsewhere as Python does."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()
