"""Which kernel serves whom, and that nobody else is ever given one."""

from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, kernels, unroll
from minirnn.activations import OPLU, Gain, ModReLU, Tanh
from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.errors import UsageError
from minirnn.gates import step_matrices
from minirnn.kernels import budget, device, programs
from minirnn.models import gru, lstm, rnn, sparse_rnn
from minirnn.parametrizations import Diagonal

H200 = SimpleNamespace(shared_limit=budget.SHARED[90], processors=132)
A100 = SimpleNamespace(shared_limit=budget.SHARED[80], processors=108)
SMALLEST = SimpleNamespace(shared_limit=48 * 1024, processors=20)


@pytest.fixture
def as_if(monkeypatch):
    """as_if(device): every array counts as lying on that device."""
    return lambda place: monkeypatch.setattr(device, "device_of", lambda x: place)


def sizes(cell, n, T=3, B=50, dtype=np.float32):
    for part in (cell, *cell.children.values()):
        part.params.update({name: x.astype(dtype) for name, x in part.params.items()})
    matrices = {m: np.zeros((r * n, c * n), dtype) for m, (r, c) in cell.matrices.items()}
    return cell, np.zeros((T, *cell.shape(B, n)), dtype), step_matrices(cell, matrices, B)


def chosen(cell, A, w):
    """The name of what the time loop would use."""
    if kernels.sequence(cell, A[0].reshape(-1, *A.shape[-2:])[0], len(A), w) is not None:
        return "sequence"
    return "elementwise" if isinstance(kernels.elementwise(cell, A, w), kernels.Elementwise) else "step"


def test_arrays_of_the_host_and_of_other_libraries_take_no_kernel():
    for place in ("numpy", StrictDevice()):
        cell, A, w = sizes(Elman(), 4)
        A, W = backend.to((A, w.W.whole), place)
        w = step_matrices(cell, {"W": W}, A.shape[1])
        for name in kernels.KERNELS:
            cell.kernel = name
            assert chosen(cell, A, w) == "step"
            assert kernels.elementwise(cell, A, w) is cell


@pytest.mark.parametrize(
    ("cell", "n", "place", "kernel"),
    [
        (Elman(), 128, H200, "sequence"),
        (Elman(), 128, A100, "sequence"),
        (Elman(), 64, SMALLEST, "sequence"),
        (Elman(), 332, H200, "sequence"),
        (Elman(), 512, H200, "elementwise"),
        (LSTM(), 128, H200, "sequence"),
        (LSTM(), 128, A100, "sequence"),
        (LSTM(), 128, SMALLEST, "elementwise"),
        (LSTM(), 256, H200, "elementwise"),
        (PeepholeLSTM.sized(116), 116, H200, "sequence"),
        (PeepholeLSTM.sized(256), 256, H200, "elementwise"),
        (GRU.sized(136), 136, H200, "sequence"),
        (GRU.sized(200), 200, H200, "elementwise"),
    ],
)
def test_the_size_decides(cell, n, place, kernel, as_if):
    as_if(place)
    assert chosen(*sizes(cell, n)) == kernel


def test_many_examples_are_left_to_the_library_s_products(as_if):
    as_if(H200)
    assert chosen(*sizes(Elman(), 64, B=132 * 8 * budget.WAVES)) == "sequence"
    assert chosen(*sizes(Elman(), 64, B=132 * 8 * budget.WAVES + 8)) == "elementwise"


def test_what_has_no_kernel_takes_the_step_loop(as_if):
    as_if(H200)
    for cell in (GRU("before"), GRU("none"), Elman(type("Other", (Tanh,), {})())):
        assert chosen(*sizes(cell, 4)) == "step"
    cell, A, w = sizes(Elman(), 4)
    w = step_matrices(cell, {"W": Diagonal(np.ones((1, 4), np.float32)).matrix()[0]}, 50)
    assert chosen(cell, A, w) == "step"
    assert chosen(*sizes(Elman(ModReLU(np.zeros(4))), 4, dtype=np.complex64)) == "step"
    cell, A, w = sizes(Elman(), 4)
    assert chosen(cell, A.astype(np.float64), w) == "step"


def test_parameters_of_another_precision_take_the_step_loop(as_if):
    as_if(H200)
    cell, A, w = sizes(GRU.sized(4), 4)
    cell.params["b_hn"] = np.zeros(4)
    assert chosen(cell, A, w) == "step"


def test_double_precision_is_served_step_by_step(as_if):
    as_if(H200)
    assert chosen(*sizes(LSTM(), 16, dtype=np.float64)) == "elementwise"


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_a_cell_may_be_told_which(name, as_if):
    as_if(H200)
    cell, A, w = sizes(Elman(Gain(OPLU())), 16)
    cell.kernel = name
    assert chosen(cell, A, w) == ("sequence" if name == "auto" else name)


@pytest.mark.parametrize("place", [H200, A100, SMALLEST], ids=["sm_90", "sm_80", "48 KiB"])
@pytest.mark.parametrize("B", [1, 50, 512, 5000])
@pytest.mark.parametrize("n", [1, 2, 31, 128, 513])
@pytest.mark.parametrize("cell", [Elman(), LSTM(), GRU("after", np.zeros(1))], ids=["elman", "lstm", "gru"])
def test_a_launch_stays_within_the_device(cell, n, B, place):
    for direction in ("forward", "backward"):
        s = budget.start(cell, n, B, direction, shared_limit=place.shared_limit, processors=place.processors)
        if s.resident < 0:
            continue
        assert s.shared_bytes <= place.shared_limit
        assert s.threads <= 1024
        assert s.threads % 32 == 0
        assert s.resident <= s.K
        assert (s.blocks - 1) * s.rows < B <= s.blocks * s.rows
        assert s.blocks <= place.processors or s.rows == budget.ROWS[-1]


def test_a_launch_packs_c_ints_and_null_pointers():
    x = np.ones(2)
    packed = device.pack(3, None, x)
    assert (type(packed[0]), type(packed[1]), packed[2] is x) == (np.int32, np.uint64, True)
    assert packed[1] == 0


REFUSED = {
    "no device": (lambda: lstm(2, 2, 4, rng=np.random.default_rng(0)), "elementwise", "numpy", "add --backend cupy"),
    "no kernel": (lambda: gru(2, 2, 4, rng=np.random.default_rng(0), reset="before"), "sequence", "cupy", "no kernel"),
    "structured": (lambda: sparse_rnn(2, 2, 4, rng=np.random.default_rng(0)), "sequence", "cupy", "operator"),
    "too large": (lambda: lstm(2, 2, 300, rng=np.random.default_rng(0), dtype=np.float32), "sequence", "cupy",
                  "--kernel elementwise"),
    "double": (lambda: rnn(2, 2, 4, rng=np.random.default_rng(0), dtype=np.float64), "sequence", "cupy",
               "--dtype float32"),
    "unknown": (lambda: rnn(2, 2, 4, rng=np.random.default_rng(0)), "fast", "cupy", "use one of auto, step"),
}


@pytest.mark.parametrize(("build", "name", "place", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_kernel_that_cannot_serve_is_refused_in_one_sentence(build, name, place, said, as_if):
    as_if(H200)
    model = build()
    dtype = next(iter(model.params.values())).dtype
    with pytest.raises(UsageError, match=said) as refused:
        kernels.force(name, model.layers, place, dtype)
    assert "\n" not in str(refused.value)
    assert all(layer.cell.kernel == "auto" for layer in model.layers)


def test_a_kernel_that_can_serve_is_set_for_every_layer(as_if):
    as_if(H200)
    model = lstm(2, 2, 8, rng=np.random.default_rng(0), layers=2, dtype=np.float32)
    kernels.force("sequence", model.layers, "cupy", np.float32)
    assert [layer.cell.kernel for layer in model.layers] == ["sequence"] * 2


def test_every_program_s_sources_are_installed():
    for name in ("activations", "elman", "lstm", "gru", "peephole_lstm", "elementwise", "sequence"):
        assert (programs.FOLDER / f"{name}.cu").is_file()
    assert "-DREAL=float" in programs.program(LSTM()).options(np.float32)


def test_the_time_loop_hands_a_sequence_over_and_back(monkeypatch, as_if):
    """The hook in both directions, with what the kernel returns replaced by the step loop's own results."""
    cell, A, w = sizes(Elman(), 4)
    state = (np.zeros((50, 4), np.float32),)
    wanted = unroll.forward(cell, A.copy(), state, w)
    as_if(H200)
    monkeypatch.setattr(kernels.Sequence, "forward", lambda walk, A, *rest: (
        wanted.states, kernels.Caches(walk, np.stack(wanted.caches), None)))
    monkeypatch.setattr(kernels.Sequence, "backward", lambda walk, *rest: "undone")
    tape = unroll.forward(cell, A, state, w)
    assert isinstance(tape.caches, kernels.Caches)
    assert unroll.backward(cell, A, tape, w, lambda *_: None) == "undone"
