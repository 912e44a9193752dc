"""Every CUDA kernel, run on the host, against the cell whose equations it repeats."""

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from emulated import COMPILER, EmulatedDevice
from strict_array import StrictDevice

from minirnn import backend, catalog, kernels, unroll
from minirnn.activations import Abs, LeakyReLU, ModReLU, PReLU, ReLU, Tanh
from minirnn.bptt import Checkpoint
from minirnn.bptt.checkpoint import piece_length
from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.gates import step_matrices
from minirnn.kernels import programs
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import gru, lstm, rnn
from minirnn.products import split
from minirnn.tasks.base import Batch

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler, g++ or clang++, to run the kernels")
SMALL = 5, 5, 6     # T, B, n


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kernels")


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
    about one, a step hands on no more than it received, so the differences of T steps add up: 8 T units.
    """
    assert found.keys() - {"kept 0"} == wanted.keys() - {"kept 0"}       # a kernel may keep what the cell does not
    for name, x in wanted.items():
        bound = 8 * T * np.finfo(x.dtype).eps * max(1, np.abs(x).max())
        assert found[name].dtype == x.dtype, name
        np.testing.assert_allclose(found[name], x, rtol=0, atol=bound, err_msg=name)


def test_every_real_activation_has_a_kernel():
    served = {type(cell.f) for cell in cells(6).values() if isinstance(cell, Elman)}
    real = {f for f in catalog.components("activations").values() if "f" in f.kinds}
    assert served == real
    assert {type(cell) for cell in cells(6).values()} == {Elman, LSTM, GRU, PeepholeLSTM}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("label", LABELS)
def test_a_kernel_computes_what_its_cell_computes(label, dtype, walk, folder):
    T, B, n = SMALL
    problem = Problem(cells(n)[label], T, B, n, dtype)
    device = EmulatedDevice(folder)
    assert_agree(problem.run(walk, device), problem.run(), T)
    assert {launched[0] for launched in device.launches} == {walk}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("size", [(5, 5, 6), (1, 9, 10), (3, 3, 34)], ids=str)
@pytest.mark.parametrize("label", LABELS)
def test_a_gradient_from_a_later_piece_goes_on_through_a_kernel(label, size, walk, folder):
    T, B, n = size
    problem = Problem(cells(n)[label], T, B, n, np.float32)
    dstate = tuple(2 * s for s in problem.state)
    device = EmulatedDevice(folder)
    wanted, found = problem.run(dstate=dstate), problem.run(walk, device, dstate)
    assert_agree(found, wanted, T)
    assert {launched[:2] for launched in device.launches} == {(walk, "forward"), (walk, "backward")}
    assert np.max(np.abs(wanted["d0 0"] - problem.run()["d0 0"])) > 1e-2        # the control: it matters


SIZES = {
    "one step": (1, 2, 6), "one example": (4, 1, 6), "one pair": (3, 3, 2), "odd": (3, 2, 7), "past a warp": (3, 5, 33),
    "past 256 threads": (2, 3, 130), "long": (40, 2, 4), "a last block of one row": (3, 9, 10),
}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
def test_sizes_that_fill_neither_a_warp_nor_a_block(kind, size, walk, folder):
    T, B, n = size
    cell = {"elman": Elman, "lstm": LSTM, "gru": lambda: GRU("after", np.linspace(-1, 1, n))}[kind]()
    problem = Problem(cell, T, B, n, np.float32)
    assert_agree(problem.run(walk, EmulatedDevice(folder)), problem.run(), T)


@pytest.mark.parametrize("processors", [1, 2, 3, 9])
def test_blocks_of_one_to_eight_rows_give_the_same_result(processors, folder):
    problem = Problem(LSTM(), 3, 9, 5, np.float32)
    device = EmulatedDevice(folder, processors=processors)
    assert_agree(problem.run("sequence", device), problem.run(), 3)
    rows = {1: 8, 2: 8, 3: 4, 9: 1}[processors]
    assert device.launches[0][2] == -(-9 // rows)


@pytest.mark.parametrize("resident", [0.0, 0.4])
@pytest.mark.parametrize("kind", ["elman", "lstm", "gru"])
def test_a_matrix_that_fits_in_part_or_not_at_all_gives_the_same_result(kind, resident, folder):
    n = 20
    cell = {"elman": Elman, "lstm": LSTM, "gru": lambda: GRU("after", np.linspace(-1, 1, n))}[kind]()
    problem = Problem(cell, 3, 2, n, np.float32)
    G, whole = len(cell.gates), kernels.budget.start(cell, n, 2, "backward", shared_limit=10**9, processors=2)
    limit = whole.shared_bytes - int((1 - resident) * G * n * n * 4)
    cut = kernels.budget.start(cell, n, 2, "backward", shared_limit=limit, processors=2)
    assert 0 <= cut.share <= resident
    assert_agree(problem.run("sequence", EmulatedDevice(folder, shared_limit=limit)), problem.run(), 3)


@pytest.mark.parametrize("label", ["elman oplu", "elman tanh", "lstm ", "gru reset after"])
def test_the_order_in_which_threads_run_changes_nothing(label, folder):
    T, B, n = SMALL
    problem = Problem(cells(n)[label], T, B, n, np.float32)
    for walk in ("elementwise", "sequence"):
        up, down = (problem.run(walk, EmulatedDevice(folder, descending=order)) for order in (False, True))
        for name in up:
            np.testing.assert_array_equal(up[name], down[name], err_msg=f"{walk} {name}")


BARRIERS = [
    (walk, k) for walk in ("elementwise", "sequence")
    for k in range((programs.FOLDER / f"{walk}.cu").read_text(encoding="utf-8").count("__syncthreads();"))
]


@pytest.mark.parametrize(("walk", "which"), BARRIERS)
def test_a_missing_barrier_is_noticed(walk, which, folder):
    """The control of the test before: without any one barrier, some order of the threads gives something else."""
    T, B, n = 3, 2, 34
    problem = Problem(cells(n)["elman oplu"], T, B, n, np.float32)
    wanted = problem.run()

    def without(text):
        at = [found.start() for found in re.finditer(r"__syncthreads\(\);", text)][which]
        return text[:at] + text[at:].replace("__syncthreads();", "", 1)

    def fails(descending):
        try:
            assert_agree(problem.run(walk, EmulatedDevice(folder, descending=descending, edit=without)), wanted, T)
        except AssertionError:
            return True
        return False

    assert fails(False) or fails(True)


def test_a_wrong_line_in_a_kernel_is_noticed(folder):
    problem = Problem(LSTM(), 3, 2, 5, np.float32)
    right, wrong = "carry[1] * before[1] * (1 - f)", "carry[1] * before[1]"
    device = EmulatedDevice(folder, edit=lambda text: text.replace(right, wrong))
    with pytest.raises(AssertionError, match="d0 0"):
        assert_agree(problem.run("sequence", device), problem.run(), 3)


KINKED = {"relu": ReLU, "leaky-relu": LeakyReLU, "abs": Abs, "prelu": lambda: PReLU(np.linspace(-0.5, 0.5, 6)),
          "oplu": catalog.find("activations", "oplu"), "tanh": Tanh,
          **{f"modrelu {b}": lambda b=b: ModReLU(np.full(6, b)) for b in (-1.0, 0.0, 0.5)}}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("make", KINKED.values(), ids=KINKED.keys())
def test_kinks_ties_and_nan_are_the_cells_own(make, walk, folder):
    """W = 0, so that z is exactly what is given: zeros of both signs, ties of a pair, the edge |z| + b = 0, a NaN."""
    problem = Problem(cast(Elman(make()), np.float32), 2, 2, 6, np.float32)
    problem.w.W.whole[...] = 0
    problem.A[...] = np.array([0.0, -0.0, 1.0, 1.0, -1.0, 1.0], dtype=np.float32)
    wanted, found = problem.run(), problem.run(walk, EmulatedDevice(folder))
    for name in {"state 0", "kept 0", "dA"} & wanted.keys():
        np.testing.assert_allclose(found[name], wanted[name], rtol=2e-7, atol=0, err_msg=name)
    problem.A[0, 1, 2] = np.nan
    wanted, found = problem.run(), problem.run(walk, EmulatedDevice(folder))
    bad = np.isnan(wanted["state 0"][1])
    assert bad.any()
    if not isinstance(problem.cell.f, catalog.find("activations", "oplu")):     # what a pair with a NaN becomes is open
        np.testing.assert_array_equal(np.isnan(found["state 0"][1]), bad)
    assert np.isnan(found["state 0"][2]).any()


@pytest.mark.parametrize("label", ["elman tanh", "lstm ", "gru reset after"])
def test_the_tape_of_a_kernel_serves_the_step_loop_and_the_diagnostics(label, folder):
    T, B, n = SMALL
    problem = Problem(cells(n)[label], T, B, n, np.float64)
    device = EmulatedDevice(folder)
    dstate = tuple(np.ones_like(s) for s in problem.state)
    wanted = list(unroll.adjoints(problem.cell, dstate, problem.tape(None, None), problem.w))
    for walk in ("elementwise", "sequence"):
        tape = problem.tape(walk, device)
        assert len(tape.caches) == T
        assert len(tape.caches[1:3]) == 2
        for (t, d), (t_wanted, d_wanted) in zip(
            unroll.adjoints(problem.cell, dstate, tape, problem.w), wanted, strict=True
        ):
            assert t == t_wanted
            np.testing.assert_allclose(d, d_wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("label", ["elman tanh", "lstm ", "gru reset after"])
def test_a_gradient_is_written_where_its_gates_lie_side_by_side(label, folder):
    """As on a device: what comes back is the room itself, which the time loop then does not copy onto itself."""
    T, B, n = SMALL
    problem, gates = Problem(cells(n)[label], T, B, n, np.float32), len(cells(n)[label].gates)
    cell = kernels.Elementwise(problem.cell, programs.program(problem.cell), EmulatedDevice(folder))
    tape = problem.tape("elementwise", EmulatedDevice(folder))
    cell.prepare(problem.w)
    before, after = (tuple(S[t] for S in tape.states) for t in (0, 1))
    side, apart = split(np.full((B, gates * n), np.nan, np.float32), gates), np.empty(cell.shape(B, n), np.float32)
    found = [cell.step_backward(tuple(map(np.ones_like, after)), before, after, tape.caches[0], problem.w, out)[0]
             for out in (side, apart)]
    assert found[0] is side
    np.testing.assert_array_equal(side, found[1])


def test_without_a_tape_the_states_are_the_same_and_nothing_is_kept(folder):
    T, B, n = SMALL
    for label in ("elman tanh", "lstm ", "gru reset after"):
        problem = Problem(cells(n)[label], T, B, n, np.float32)
        tape = problem.tape("sequence", EmulatedDevice(folder), keep=False)
        assert len(tape.caches) == 0
        np.testing.assert_array_equal(tape.states[0], problem.tape("sequence", EmulatedDevice(folder)).states[0])


def gradients(build, dtype, walk, place=None):
    """Of a model whose two layers run `walk`, on the strict device where one is given, on the host otherwise."""
    rng, loss = np.random.default_rng(0), SoftmaxCrossEntropy()
    x, y = rng.standard_normal((20, 7, 3)).astype(dtype), rng.integers(0, 4, (20, 7))
    model = build(3, 4, 32, rng=np.random.default_rng(1), layers=2, dtype=dtype)
    if place is not None:
        model.to(place)
        x, y = backend.to((x, y), place)
    for layer in model.layers:
        layer.cell.kernel = walk
    scores, _, tape = model.forward(x)
    _, cache = loss.forward(scores, SimpleNamespace(y=y, mask=None))
    return backend.to(model.backward(loss.backward(cache), tape), "numpy")


SYSTEMS = {"rnn": rnn, "prelu": partial(rnn, activation="prelu"), "lstm": lstm, "gru": gru,
           "peephole-lstm": partial(lstm, peepholes=True)}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("build", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_a_model_s_float32_gradients_are_within_1e5_of_float64(build, walk, folder, monkeypatch):
    """Through the model, the recurrent layer and the hook in the time loop, as on a device."""
    place = EmulatedDevice(folder)
    monkeypatch.setattr(kernels.device, "device_of", lambda x: place if x.dtype == np.float32 else None)
    wanted, found = gradients(build, np.float64, walk), gradients(build, np.float32, walk)
    assert {launched[0] for launched in place.launches} == {walk}
    for path, g in wanted.items():
        assert np.linalg.norm(found[path] - g) <= 1e-5 * np.linalg.norm(g), path


@pytest.mark.parametrize("build", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_a_batch_in_pieces_of_time_is_walked_by_kernels_in_both_directions(build, folder, monkeypatch):
    """With the memory `checkpoint`, each piece but the last receives a gradient from the one that follows."""
    T, place = 40, EmulatedDevice(folder)
    monkeypatch.setattr(kernels.device, "device_of", lambda x: place if x.dtype == np.float32 else None)
    found = []
    for dtype in (np.float64, np.float32):
        rng = np.random.default_rng(0)
        batch = Batch(rng.standard_normal((T, 3, 3)).astype(dtype), rng.integers(0, 4, (2, 3)))
        model = build(3, 4, 8, rng=np.random.default_rng(1), layers=2, dtype=dtype)
        found.append(Checkpoint().gradients(model, SoftmaxCrossEntropy(), batch, None, None).grads)
    for path, g in found[0].items():
        assert np.linalg.norm(found[1][path] - g) <= 1e-5 * np.linalg.norm(g), path
    pieces = -(-T // piece_length(T))
    assert [walk[:2] for walk in place.launches].count(("sequence", "backward")) == 2 * pieces > 2
    assert {walk[0] for walk in place.launches} == {"sequence"}


@pytest.mark.parametrize("walk", ["elementwise", "sequence"])
@pytest.mark.parametrize("build", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_what_surrounds_a_kernel_runs_on_a_device_s_arrays(build, walk, folder, monkeypatch):
    """The strict device refuses what CuPy refuses, and nothing crosses over but x and y.

    The same bits where a network has one gate. With several, the host has an array for each and makes their products
    gate by gate: other sums of the same terms, as in `assert_agree`.
    """
    place, strict = EmulatedDevice(folder), StrictDevice()
    monkeypatch.setattr(kernels.device, "device_of", lambda x: place)
    wanted = gradients(build, np.float32, walk)
    there = len(wanted)
    found = gradients(build, np.float32, walk, strict)
    assert strict.to_device == there + 2
    assert strict.to_host == there
    T, one_gate = 20, build in (rnn, SYSTEMS["prelu"])
    for path, g in wanted.items():
        bound = 0 if one_gate else 8 * T * np.finfo(np.float32).eps * np.max(np.abs(g))
        np.testing.assert_allclose(found[path], g, rtol=0, atol=bound, err_msg=path)


def test_the_tags_of_the_kernels_are_those_of_the_python():
    """Every tag in a .cu file is an equation of the cell or the activation."""
    package = programs.FOLDER.parent
    activations = list(package.glob("activations/*.py"))
    python = {"activations": activations}
    cells = "elman", "lstm", "gru", "peephole_lstm"
    python |= {cell: [package / "cells" / f"{cell}.py", *activations] for cell in cells}
    for name, files in python.items():
        known = set(re.findall(r"\(([A-Z]+\d+)\)", "".join(Path(f).read_text(encoding="utf-8") for f in files)))
        used = set(re.findall(r"\(([A-Z]+\d+)\)", (programs.FOLDER / f"{name}.cu").read_text(encoding="utf-8")))
        assert len(used) > 3
        assert used <= known
