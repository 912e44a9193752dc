"""The gates of a cell apart: the arrangement itself, and that a matrix answers as its gates' own would."""

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import models, unroll
from minirnn.cells import GRU, LSTM, Elman
from minirnn.gates import StepMatrix, step_matrices, whole
from minirnn.linalg import outer_sum
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.parametrizations import BlockDiagonal, Dense, Diagonal, Stack
from minirnn.products import NARROW, Affine, join, split
from minirnn.tasks import Batch

G, B, N, K = 3, 4, 5, 6


def normal(*shape, seed=0, kind="f"):
    parts = np.random.default_rng(seed).standard_normal((2, *shape))
    return parts[0] + 1j * parts[1] if kind == "c" else parts[0]


@pytest.mark.parametrize("lead", [(), (7,)])
def test_split_takes_the_gates_apart_without_a_copy_and_join_undoes_it(lead):
    Z = normal(*lead, B, G * N)
    apart = split(Z, G)
    assert apart.shape == (*lead, G, B, N)
    assert np.shares_memory(apart, Z)
    for g in range(G):
        np.testing.assert_array_equal(apart[..., g, :, :], Z[..., g * N : (g + 1) * N])
    np.testing.assert_array_equal(join(apart, G), Z)
    assert np.shares_memory(join(apart, G), Z)
    np.testing.assert_array_equal(join(apart.copy(), G), Z)


def test_one_gate_has_no_axis_of_its_own():
    Z = normal(B, N)
    assert split(Z, 1) is Z
    assert join(Z, 1) is Z
    assert Elman().shape(B, N) == (B, N)
    assert LSTM().shape(B, N) == (4, B, N)


MATRICES = {
    "array": Dense(normal(G * N, N)),
    "diagonal": Diagonal(normal(G, N)),
    "blocks": BlockDiagonal(normal(G, 1, N, N)),
    "stack": Stack([Diagonal(normal(1, N)), Dense(normal(2 * N, N))]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_matrix_answers_as_those_of_its_gates(name):
    W = MATRICES[name].matrix()[0]
    M = StepMatrix(W, G, B)
    gates = (W if isinstance(W, np.ndarray) else W.dense()).reshape(G, N, N)
    H, dZ = normal(B, N, seed=1), normal(G, B, N, seed=2)
    np.testing.assert_allclose(H @ M.T, [H @ W_g.T for W_g in gates], rtol=0, atol=1e-14)
    wanted = sum(z @ W_g for z, W_g in zip(dZ, gates, strict=True))
    np.testing.assert_allclose(dZ @ M.conj(), wanted, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dZ @ M, wanted, rtol=0, atol=1e-14)
    assert M.shape == W.shape
    assert whole(M) is W


@pytest.mark.parametrize("kind", ["f", "c"])
def test_a_matrix_of_one_gate_answers_as_itself(kind):
    W, H, dZ = normal(N, K, kind=kind), normal(B, K, seed=1, kind=kind), normal(B, N, seed=2, kind=kind)
    M = StepMatrix(W, 1, B)
    np.testing.assert_allclose(H @ M.T, H @ W.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dZ @ M.conj(), dZ @ W.conj(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(dZ @ M, dZ @ W, rtol=0, atol=1e-14)
    np.testing.assert_allclose(outer_sum(M, dZ, H), dZ.T @ H.conj(), rtol=0, atol=1e-14)


def test_its_gradient_has_the_rows_of_the_gates_below_one_another():
    dZ, H = normal(7, G, B, N), normal(7, B, N, seed=1)
    wanted = np.concatenate([np.einsum("tbi,tbj->ij", dZ[:, g], H) for g in range(G)])
    np.testing.assert_allclose(outer_sum(StepMatrix(normal(G * N, N), G, B), dZ, H), wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize("device", [None, StrictDevice()], ids=["host", "device"])
@pytest.mark.parametrize("columns", [2, NARROW - 1, NARROW, 40])
@pytest.mark.parametrize("rows", [NARROW, NARROW - 1])
def test_an_affine_map_gives_each_gate_its_own_array(rows, columns, device):
    M, b = normal(60, columns), normal(60, seed=1)
    X, dY = normal(6, rows, columns, seed=2), normal(6, 3, rows, 20, seed=3)
    place = np.asarray if device is None else device.asarray
    for bias in (b, None):
        affine = Affine(place(M), None if bias is None else place(bias), gates=3)
        Y = affine.forward(place(X))
        (dM, db), dX = affine.gradients(place(dY), place(X)), affine.adjoint(place(dY))
        flat = dY.swapaxes(1, 2).reshape(-1, 60)
        wanted = {
            "Y": (X @ M.T + (0 if bias is None else bias)).reshape(6, rows, 3, 20).swapaxes(1, 2),
            "dM": flat.T @ X.reshape(-1, columns), "db": flat.sum(axis=0), "dX": (flat @ M).reshape(X.shape),
        }
        for name, x in {"Y": Y, "dM": dM, "db": db, "dX": dX}.items():
            x = x if device is None else x.get()
            assert x.shape == wanted[name].shape
            np.testing.assert_allclose(x, wanted[name], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("cell", [LSTM(), GRU.sized(N)], ids=["lstm", "gru"])
def test_each_gate_is_one_piece_while_a_step_works_with_it(cell):
    gates = len(cell.gates)
    A, dH = Affine(normal(gates * N, 2), normal(gates * N), gates).forward(normal(20, B, 2)), normal(20, B, N)
    shapes = {name: (rows * N, columns * N) for name, (rows, columns) in cell.matrices.items()}
    w = step_matrices(cell, {name: normal(*shape) for name, shape in shapes.items()}, B)
    seen, step, step_backward = [], cell.step, cell.step_backward

    def watched(a, state, w, out):
        seen.append(a)
        return step(a, state, w, out)

    def watched_backward(dstate, before, after, cache, w, out):
        seen.append(out)
        return step_backward(dstate, before, after, cache, w, out)

    cell.step, cell.step_backward = watched, watched_backward
    try:
        tape = unroll.forward(cell, A, (np.zeros((B, N)),) * cell.states, w)
        unroll.backward(cell, dH, tape, w, lambda steps, dA: None)
    finally:
        del cell.step, cell.step_backward
    assert len(seen) == 40
    assert all(gate.flags.c_contiguous for a in seen for gate in a)


@pytest.mark.parametrize("build", [models.lstm, models.gru], ids=["lstm", "gru"])
@pytest.mark.parametrize("m", [3, 30])
def test_a_network_has_the_same_gradients_where_its_gates_lie_side_by_side(build, m, monkeypatch):
    """The plain arrangement: one product for all gates, and blocks of columns."""
    model = build(m, 4, 8, rng=np.random.default_rng(0), dtype=np.float64)
    batch = Batch(normal(20, 17, m), np.random.default_rng(1).integers(0, 4, (20, 17)))

    def gradients():
        y, _, tape = model.forward(batch.x)
        return model.backward(SoftmaxCrossEntropy().backward(SoftmaxCrossEntropy().forward(y, batch)[1]), tape)

    grads = gradients()
    monkeypatch.setattr(Affine, "_by_gate", lambda self, X, joined: split(X @ self.joined, self.gates))
    monkeypatch.setattr(StepMatrix, "T", property(lambda self: self.whole.T if self.gates == 1 else _Plain(self)))
    monkeypatch.setattr(StepMatrix, "conj", lambda self: self.whole if self.gates == 1 else _Plain(self))
    for path, d in gradients().items():
        np.testing.assert_allclose(grads[path], d, rtol=0, atol=1e-13 * np.max(np.abs(d)), err_msg=path)


class _Plain:
    """W with its gates side by side, in either direction: which one, the shape of what it multiplies says."""

    __array_ufunc__ = None

    def __init__(self, matrix):
        self.matrix = matrix

    def __rmatmul__(self, X):
        W, gates = self.matrix.whole, self.matrix.gates
        return split(X @ W.T, gates) if X.ndim == 2 else join(X, gates) @ W
