"""What a failure of the device means, in one sentence."""

from __future__ import annotations

import re
import textwrap

from minirnn.backend.device import device_memory, readable_bytes
from minirnn.errors import one_line

TWO_DEVICES = "different from the current device"       # CuPy's words in its ValueError


def fault(error: BaseException) -> str:
    """What happened to the device and what to try, or "" if the error is none of the device's.

    CuPy is recognised by where its classes are defined, so asking needs no CuPy. After any of these the parameters on
    the device may be half updated, or gone: what was saved before is good, and nothing more is to be saved.
    """
    root = type(error).__module__.partition(".")[0]
    if isinstance(error, ValueError) and TWO_DEVICES in str(error):
        said = _said(error)
        return f"arrays of two devices met ({said}); move all of them to one, with backend.select before backend.to"
    if root not in ("cupy", "cupy_backends", "cupyx"):
        return ""
    if isinstance(error, MemoryError) or "cudaErrorMemoryAllocation" in str(error) or "ALLOC_FAILED" in str(error):
        asked = re.search(r"allocating ([\d,]+) bytes", str(error))
        size = f"{readable_bytes(int(asked[1].replace(',', '')))} were asked for" if asked else _said(error)
        return (
            f"the device's memory ran out: {size}{_free()}; try a smaller --batch-size with --accumulate, shorter "
            "pieces with --bptt, or --backend numpy"
        )
    return (
        f"the device failed ({_said(error)}); see with nvidia-smi whether it is still there, and start again, with "
        "--backend numpy if it is not"
    )


def _free() -> str:
    import cupy

    try:
        memory = device_memory(cupy.cuda.runtime.getDevice())
    except Exception:                                               # the device may be beyond answering
        return ""
    there = f"{readable_bytes(memory.free)} of {readable_bytes(memory.total)} are free"
    return f", {there}, and this run holds {readable_bytes(memory.pool)}"


def _said(error: BaseException) -> str:
    """The error's own words: of a compiler's, the beginning."""
    return textwrap.shorten(one_line(error), 300, placeholder=" ...")
