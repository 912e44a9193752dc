"""What the engine needs to know of CuPy; only `minirnn.kernels` knows more.

The engine is plain `np.` code: a CuPy array answers NumPy calls itself, so where the arrays are decides where the work
runs.  Here is only what NumPy cannot dispatch or does slowly: moving arrays and waiting for the device (`transfer`),
adding rows at repeated indices (`scatter`), solving in single precision and raising linear-algebra errors
(`solving`), branches that depend on numbers (`choice`), choosing a device and asking for its memory (`device`), saying
why there is none (`status`), and what a failure of the device means (`faults`).

CuPy is imported inside functions, so `import minirnn` stays fast and works without it.  A device array is recognised by
what it offers (`get`, `device`), not by its class: any array library that answers NumPy calls can be a target.
"""

from minirnn.backend.choice import choose, may
from minirnn.backend.device import DeviceMemory, device_memory, double_slowdown, readable_bytes, select
from minirnn.backend.faults import fault
from minirnn.backend.scatter import add_at, add_at_in_order, check_ids, distinct_sums
from minirnn.backend.solving import eig, eigh, inverse, linalg_errors, solve, svd
from minirnn.backend.status import CudaStatus, cuda_status, resolve
from minirnn.backend.transfer import is_cupy, is_device, numbers, synchronize, to, to_host

__all__ = [
    "CudaStatus", "DeviceMemory", "add_at", "add_at_in_order", "check_ids", "choose", "cuda_status", "device_memory",
    "distinct_sums", "double_slowdown", "eig", "eigh", "fault", "inverse", "is_cupy", "is_device", "linalg_errors",
    "may", "numbers", "readable_bytes", "resolve", "select", "solve", "svd", "synchronize", "to", "to_host",
]
