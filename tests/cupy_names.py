"""What CuPy has: its names and their parameters, recorded in `cupy_names.txt` from the real package.

Record them again, in an environment that has CuPy (no GPU is needed):

    python tests/cupy_names.py > tests/cupy_names.txt
"""

import functools
import inspect
from pathlib import Path

import numpy as np


@functools.cache
def signatures():
    """name -> parameters as text, or None for a ufunc, from the recorded file."""
    lines = (Path(__file__).parent / "cupy_names.txt").read_text(encoding="utf-8").splitlines()[1:]
    pairs = (line.partition("(") for line in lines)
    return {name: rest.removesuffix(")") if bracket else None for name, bracket, rest in pairs}


@functools.cache
def signature_of(name):
    return inspect.signature(eval(f"lambda {signatures()[name]}: 0"))


def record():
    """Print the names of CuPy that NumPy's dispatch can reach, with their parameters."""
    import cupy
    from cupy.lib import stride_tricks

    print(f"# cupy {cupy.__version__}; recorded by cupy_names.py; no brackets: a ufunc")
    spaces = {"": cupy, "fft.": cupy.fft, "lib.stride_tricks.": stride_tricks, "linalg.": cupy.linalg}
    spaces |= {"random.": cupy.random, "ndarray.": cupy.ndarray}
    lines = []
    for prefix, space in spaces.items():
        for name in dir(space):
            value = getattr(space, name, None)
            borrowed = value is getattr(np, name, None)  # NumPy's own function under CuPy's name is not dispatched
            if name.startswith("_") or not callable(value) or isinstance(value, type) or borrowed:
                continue
            if type(value).__name__ in ("ufunc", "_GUFunc"):
                lines.append(prefix + name)
            else:
                lines.append(f"{prefix}{name}({_parameters(value)})")
    print("\n".join(sorted(lines)))


def _parameters(function):
    """The parameters of a CuPy function with every default written 0, from its signature or its docstring."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        head = (function.__doc__ or "").partition("\n")[0]  # Cython writes the signature there
        if "(" not in head:
            return "*args, **kwargs"
        text = head[head.index("(") + 1 : head.rindex(")")]
        parts = [part.partition("=") for part in text.split(", ") if part]
        return ", ".join(name.split()[-1] + ("=0" if equals else "") for name, equals, _ in parts if name != "self")
    plain = [
        parameter.replace(
            annotation=parameter.empty, default=parameter.empty if parameter.default is parameter.empty else 0
        )
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(plain))[1:-1]


if __name__ == "__main__":
    record()
