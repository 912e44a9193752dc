"""Every CUDA kernel, run on the host, against the cell whose equations it repeats."""

import re
from pathlib import Path

import numpy as np
import pytest
from emulated import COMPILER, EmulatedDevice
from kernel_problems import LABELS, SMALL, Problem, assert_agree, cast, cells, kernel_folder

from minirnn import catalog, kernels, unroll
from minirnn.activations import Abs, LeakyReLU, ModReLU, PReLU, ReLU, Tanh
from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.kernels import programs
from minirnn.products import split

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler, g++ or clang++, to run the kernels")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return kernel_folder(tmp_path_factory)


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
