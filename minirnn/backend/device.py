"""One of several devices: choosing it, its memory, and how slow double precision is on it."""

from __future__ import annotations

from dataclasses import dataclass

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of a device.

    free, total   of the device, for all programs that use it
    pool          what CuPy's pool has taken for this process. It hands nothing back while there is enough, so at the
                  end of a program this is the most that was ever held at once.
    """

    free: int
    total: int
    pool: int


def select(device: int) -> None:
    """Make a CUDA device the one on which this thread creates its arrays and computes, from here on.

    Arrays of another device are not moved.  `resolve` says whether the device exists.
    """
    import cupy

    cupy.cuda.Device(device).use()


def device_memory(device: int) -> DeviceMemory:
    """What is free and what this process holds on a CUDA device."""
    import cupy

    with cupy.cuda.Device(device) as chosen:
        free, total = chosen.mem_info
        return DeviceMemory(free, total, cupy.get_default_memory_pool().total_bytes())


def double_slowdown(device: int) -> int:
    """How many operations in float32 a CUDA device does in the time of one in float64, as its driver says: 2 on a
    device for computing centres, 32 or 64 on a consumer card; 1 where the driver does not say."""
    import cupy

    return int(cupy.cuda.Device(device).attributes.get("SingleToDoublePrecisionPerfRatio", 1))


def readable_bytes(count: int) -> str:
    """1536 -> "1.5 KiB"; whole numbers below 1 KiB."""
    size = float(count)
    power = 0
    while size >= 1024 and power < len(UNITS) - 1:
        size, power = size / 1024, power + 1
    return f"{size:.{min(power, 1)}f} {UNITS[power]}"
