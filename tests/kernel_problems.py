"""One cell on random numbers, walked by the step loop or by a kernel on the host, and what it is for both to agree."""

import math

import numpy as np

from minirnn import catalog, kernels, unroll
from minirnn.gates import step_matrices
from minirnn.kernels import programs

SMALL = 5, 5, 6     # T, B, n


def kernel_folder(tmp_path_factory):
    """The session's folder: what was compiled for one file of tests serves the others."""
    found = tmp_path_factory.getbasetemp() / "kernels"
    found.mkdir(exist_ok=True)
    return found


def cells(n):
    """{label: cell} of every cell and activation that a kernel serves, from the catalogue's own examples."""
    rng = np.random.default_rng(7)
    found = {}
    for name, component in catalog.components("cells").items():
        found |= {f"{name} {label}": cell for label, cell in component.examples(n, rng)}
    return {label: cell for label, cell in found.items() if programs.program(cell) is not None}


LABELS = list(cells(6))


def cast(cell, dtype):
    for _, part in (("", cell), *cell.children.items()):
        for name, x in part.params.items():
            part.params[name] = x.astype(dtype)
    return cell


class Problem:
    """One cell on random numbers, ‖W‖₂ = 1 for each matrix, h₀ ≠ 0; the last half of the steps is read."""

    def __init__(self, cell, T, B, n, dtype, seed=0):
        rng = np.random.default_rng(seed)
        self.cell, matrices = cast(cell, dtype), {}
        for name, (rows, columns) in cell.matrices.items():
            W = rng.standard_normal((rows * n, columns * n))
            matrices[name] = (W / np.linalg.norm(W, 2)).astype(dtype)
        self.w = step_matrices(cell, matrices, B)
        self.A = rng.standard_normal((T, *cell.shape(B, n))).astype(dtype)
        self.state = tuple(rng.standard_normal((B, n)).astype(dtype) for _ in range(cell.states))
        self.dH = rng.standard_normal(((T + 1) // 2, B, n)).astype(dtype)

    def tape(self, walk, device, keep=True):
        """The tape of the step loop (walk None), of the elementwise or of the sequence kernel."""
        if walk == "sequence":
            made = kernels.Sequence(self.cell, programs.program(self.cell), device)
            return unroll.Tape(*made.forward(self.A.copy(), self.state, self.w, keep))
        cell = self.cell
        if walk == "elementwise":
            cell = kernels.Elementwise(cell, programs.program(cell), device)
        return unroll.forward(cell, self.A.copy(), self.state, self.w, keep)

    def run(self, walk=None, device=None, dstate=None):
        """{name: array} of all that the two directions return; `dstate`, if any, comes from what follows."""
        tape = self.tape(walk, device)
        cell = self.cell
        if walk == "elementwise":
            cell = kernels.Elementwise(cell, programs.program(cell), device)
        parts = {}
        dstate, matrices, vectors = unroll.backward(
            cell, self.dH, tape, self.w, lambda steps, dA: parts.update({steps.start: dA.copy()}),
            None if dstate is None else tuple(d.copy() for d in dstate),
        )
        dA = np.concatenate([parts[start] for start in sorted(parts)])
        states = {f"state {k}": S for k, S in enumerate(tape.states)}
        kept = {f"kept {k}": np.stack([np.atleast_2d(x) for x in rows])
                for k, rows in enumerate(zip(*map(_as_tuple, tape.caches), strict=True))
                if rows[0] is not None}                             # an Elman cell keeps z only where f' needs it
        return {**states, **kept, **{f"d0 {k}": d for k, d in enumerate(dstate)}, "dA": dA, **matrices, **vectors}


def _as_tuple(cache):
    return cache if isinstance(cache, tuple) else (cache,)


def assert_agree(found, wanted, T):
    """Equal to rounding.

    A sum in another order differs by a few units in the last place of its terms; with ‖W‖₂ = 1 and slopes of at most
    about one, a step hands on no more than it received, so the differences of T steps add up: 8 T units. A parameter
    that all n units share is a sum over them as well, of differences of either sign: √n times that.
    """
    units = wanted["state 0"].shape[-1]
    assert found.keys() - {"kept 0"} == wanted.keys() - {"kept 0"}       # a kernel may keep what the cell does not
    for name, x in wanted.items():
        bound = 8 * T * np.finfo(x.dtype).eps * max(1, np.abs(x).max()) * (math.sqrt(units) if x.size == 1 else 1)
        assert found[name].dtype == x.dtype, name
        np.testing.assert_allclose(found[name], x, rtol=0, atol=bound, err_msg=name)
