"""A stand-in for the module `cupy`: the same names, and strict device arrays, so that `--backend cupy` runs anywhere.

    device = fake_cupy.install(monkeypatch)          # a machine with one device, which counts what crosses over
    fake_cupy.install(monkeypatch, driver=0)         # a machine without a driver

Only what `minirnn.backend` asks CuPy for is here. Each name is one of CuPy 14's.
"""

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
from strict_array import StrictArray, StrictDevice

MEMORY = 8 * 2**30


class OutOfMemoryError(MemoryError):
    """CuPy's, with its words."""

    def __init__(self, size, total):
        super().__init__(f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes).")


class CUDARuntimeError(RuntimeError):
    """CuPy's; its module is how the engine recognises it."""


OutOfMemoryError.__module__ = "cupy.cuda.memory"
CUDARuntimeError.__module__ = "cupy_backends.cuda.api.runtime"


class Runtime:
    """What CuPy's runtime answers on a machine, as integers and errors."""

    def __init__(self, driver, runtime, devices, error):
        self.driver, self.runtime, self.devices, self.error, self.current = driver, runtime, devices, error, 0

    def driverGetVersion(self):
        return self.driver

    def runtimeGetVersion(self):
        return self.runtime

    def getDeviceCount(self):
        if self.error:
            raise CUDARuntimeError(self.error)
        return self.devices

    def getDeviceProperties(self, device):
        return {"name": f"GPU {device}".encode()}

    def getDevice(self):
        return self.current


def install(monkeypatch, *, driver=12040, runtime=12090, devices=1, error=None, ones=None, slowdown=2, atomics=None):
    """Put the module in place of CuPy; returns the device 0, and with `devices` > 1 the list of all of them."""
    there = [StrictDevice(number, atomics) for number in range(max(devices, 1))]
    for device in there:
        device.linalg = "ignore"
    machine = Runtime(driver, runtime, devices, error)

    class Device:
        def __init__(self, number):
            self.id = number
            self.attributes = {"SingleToDoublePrecisionPerfRatio": slowdown}
            self.mem_info = MEMORY - 3 * 2**30, MEMORY

        def use(self):
            machine.current = self.id

        def __enter__(self):
            self.before, machine.current = machine.current, self.id
            return self

        def __exit__(self, *_):
            machine.current = self.before

    def asarray(x):
        return x if isinstance(x, StrictArray) else there[machine.current].asarray(x)

    @contextmanager
    def errstate(linalg):
        before = [device.linalg for device in there]
        for device in there:
            device.linalg = linalg
        try:
            yield
        finally:
            for device, setting in zip(there, before, strict=True):
                device.linalg = setting

    module = SimpleNamespace(
        __version__="14.0.0", asarray=asarray, ones=ones or (lambda shape, dtype: asarray(np.ones(shape, dtype))),
        cuda=SimpleNamespace(runtime=machine, Device=Device),
        get_default_memory_pool=lambda: SimpleNamespace(total_bytes=lambda: 3 * 2**20),
    )
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(errstate=errstate))
    return there[0] if devices <= 1 else there
