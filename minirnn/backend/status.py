"""Whether CuPy can compute here, and if not, why."""

from __future__ import annotations

import dataclasses

import numpy as np

from minirnn.errors import UsageError, one_line


@dataclasses.dataclass(frozen=True)
class CudaStatus:
    """What `resolve` decides from and `minirnn doctor` prints; `reason` says why not when `usable` is false."""

    usable: bool
    reason: str
    cupy: str | None = None
    driver: str | None = None
    runtime: str | None = None
    devices: tuple[str, ...] = ()


def cuda_status(device: int = 0) -> CudaStatus:
    """Find out, in the order in which things are usually missing, whether CuPy can compute here on that device.

    Asking for an array would fail too, but without a driver CUDA answers "driver version is insufficient", which
    sends people to update what they do not have.
    """
    try:
        import cupy
    except ImportError as error:
        if error.name == "cupy":
            install = "pip install 'minirnn[cuda12]' (or 'minirnn[cuda13]' for a CUDA 13 driver)"
            return CudaStatus(False, f"CuPy is not installed: {install}")
        return CudaStatus(False, f"CuPy is installed but cannot be imported: {one_line(error)}")
    runtime = cupy.cuda.runtime
    driver_number, runtime_number = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    facts = {
        "cupy": cupy.__version__,
        "driver": _version(driver_number) if driver_number else None,
        "runtime": _version(runtime_number),
    }
    if driver_number == 0:
        return CudaStatus(False, "no NVIDIA driver is installed on this machine", **facts)
    if driver_number // 1000 < runtime_number // 1000:  # within one major version, older drivers run newer runtimes
        reason = (
            f"the NVIDIA driver supports CUDA {facts['driver']}, but this CuPy is built for CUDA {facts['runtime']}: "
            f"update the driver, or install the CuPy for CUDA {driver_number // 1000}"
        )
        return CudaStatus(False, reason, **facts)
    try:
        count = runtime.getDeviceCount()
    except RuntimeError as error:
        if "InsufficientDriver" in str(error):
            return CudaStatus(False, f"the NVIDIA driver (CUDA {facts['driver']}) is too old: update it", **facts)
        if "NoDevice" not in str(error):
            return CudaStatus(False, f"CUDA does not start: {one_line(error)}", **facts)
        count = 0
    if count == 0:
        reason = "the NVIDIA driver finds no device: look at CUDA_VISIBLE_DEVICES and nvidia-smi"
        return CudaStatus(False, reason, **facts)
    names = tuple(runtime.getDeviceProperties(i)["name"].decode() for i in range(count))
    if device >= count:
        there = ", ".join(f"{k} is {name}" for k, name in enumerate(names))
        reason = f"there is no device {device}: {there}; name one of 0..{count - 1} with --device"
        return CudaStatus(False, reason, **facts, devices=names)
    try:
        with cupy.cuda.Device(device):
            one = cupy.ones((1, 1), dtype=np.float32)
            (one @ one).get()  # memory, kernels and cuBLAS: without CUDA's libraries CuPy imports but cannot multiply
    except (ImportError, OSError) as error:
        libraries = "the extras 'minirnn[cuda12]' and 'minirnn[cuda13]' bring CUDA's libraries"
        reason = f"CuPy finds {names[device]} but a library of CUDA is missing ({one_line(error)}); {libraries}"
        return CudaStatus(False, reason, **facts, devices=names)
    except (RuntimeError, MemoryError) as error:
        reason = f"CuPy finds {names[device]} but cannot compute on it ({one_line(error)}); look at nvidia-smi"
        return CudaStatus(False, reason, **facts, devices=names)
    return CudaStatus(True, "", **facts, devices=names)


def resolve(name: str, device: int = 0) -> str:
    """Turn "numpy", "cupy" or "auto" into "numpy" or "cupy".

    device   number of the CUDA device, among those that are visible; `select` makes it the current one

    "cupy" never falls back: a run that should be on the GPU and is not costs days.  "auto" may, but not from a device
    that was named and does not exist; `cuda_status().reason` is what to tell the user then.
    """
    if name not in ("numpy", "cupy", "auto"):
        raise UsageError(f"unknown backend {name!r}; use 'numpy', 'cupy' or 'auto'")
    if name == "numpy":
        return name
    status = cuda_status(device)
    if status.usable:
        return "cupy"
    if name == "cupy" or 0 < len(status.devices) <= device:
        raise UsageError(f"backend {name!r} cannot be used: {status.reason}")
    return "numpy"


def _version(number: int) -> str:
    """CUDA's integer version, 12090, as people write it, "12.9"."""
    return f"{number // 1000}.{number % 1000 // 10}"
