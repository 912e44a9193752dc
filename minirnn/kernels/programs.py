"""Which CUDA sources and macros serve a cell: the text of a program, before any compiler sees it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from minirnn.activations import OPLU, Abs, Gain, Identity, LeakyReLU, ModReLU, PReLU, ReLU, Tanh
from minirnn.cells import GRU, LSTM, Cell, Elman, PeepholeLSTM

Array = Any
FOLDER = Path(__file__).parent
TYPES = {"f": "float", "d": "double"}
ACTIVATIONS: dict[type, str] = {
    Tanh: "TANH", ReLU: "RELU", LeakyReLU: "LEAKY", PReLU: "LEAKY", Abs: "ABS", Identity: "IDENTITY", OPLU: "OPLU",
    ModReLU: "MODRELU",
}


@dataclasses.dataclass(frozen=True)
class Program:
    """activations.cu, the cell's file and a walk, "elementwise" or "sequence", with macros that fill in the rest.

    Both walks hold two kernels, `forward` and `backward`.
    """

    cell: str
    macros: tuple[tuple[str, Any], ...] = ()

    def source(self, walk: str) -> str:
        names = "activations", self.cell, walk
        return "\n".join((FOLDER / f"{name}.cu").read_text(encoding="utf-8") for name in names)

    def options(self, dtype: Any, rows: int = 1) -> tuple[str, ...]:
        """What the compiler is told: macros as -DNAME=VALUE."""
        macros = {"REAL": TYPES[np.dtype(dtype).char], "ROWS": rows, **dict(self.macros)}
        return tuple(f"-D{name}={value}" for name, value in macros.items())


def program(cell: Cell) -> Program | None:
    """The program of a cell; None where there is none, so that the step loop serves it.

    Exact classes: a class derived from one of these may compute something else.
    """
    if type(cell) is LSTM:
        return Program("lstm")
    if type(cell) is PeepholeLSTM:
        return Program("peephole_lstm")
    if type(cell) is GRU and "b_hn" in cell.params:                 # the reset gate after the product
        return Program("gru")
    if type(cell) is Elman:
        macros = _macros(cell.f)
        return None if macros is None else Program("elman", tuple(macros.items()))
    return None


def _macros(f: Any) -> dict[str, Any] | None:
    if type(f) is Gain:
        inner = None if isinstance(f.f, Gain) else _macros(f.f)
        return None if inner is None else {**inner, "GAIN": 1}
    if type(f) not in ACTIVATIONS:
        return None
    macros: dict[str, Any] = {"ACTIVATION": ACTIVATIONS[type(f)]}
    if isinstance(f, ModReLU):
        macros |= {"MODRELU_E2": f.e2, "MODRELU_DELTA": f.delta, "MODRELU_D": f.d}
    return macros


def own_numbers(cell: Cell, n: int, like: Array) -> tuple[Array | None, Array | None]:
    """(v (OWN, n), gain (1,)) as the kernels read them, of the type and on the device of `like`; None where unused."""
    if isinstance(cell, GRU):
        return cell.params["b_hn"], None
    if isinstance(cell, PeepholeLSTM):
        return np.stack([cell.params[name] for name in ("p_i", "p_f", "p_o")]), None
    f, gain = getattr(cell, "f", None), None
    if isinstance(f, Gain):
        gain = np.zeros(1, dtype=like.dtype, like=like) + f.params.get("gain", f.g)
        f = f.f
    if isinstance(f, LeakyReLU):
        own: Any = f.slope
    elif isinstance(f, PReLU | ModReLU):
        own = f.params["slope" if isinstance(f, PReLU) else "b"]
    else:
        return None, gain
    return np.zeros(n, dtype=like.dtype, like=like) + own, gain
