"""Diagonal, block-diagonal and shuffled matrices: equal to the masked dense matrix, at the cost of their structure."""

import time

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend
from minirnn.cells import GRU, LSTM, Elman
from minirnn.errors import UsageError
from minirnn.initializers import blocks
from minirnn.layers import Recurrent
from minirnn.model import walk
from minirnn.operators import dense, filled
from minirnn.parametrizations import BlockDiagonal, Dense, Diagonal, Givens, ShuffledBlocks

RNG = np.random.default_rng(5)
N = 6


def structures(G=1):
    return {
        "diagonal": Diagonal(RNG.standard_normal((G, N))),
        "block": BlockDiagonal(RNG.standard_normal((G, 3, 2, 2))),
        "one block": BlockDiagonal(RNG.standard_normal((G, 1, N, N))),
        "shuffle": ShuffledBlocks(RNG.standard_normal((G, 2, 3, 3))),
    }


def mask(p):
    """Where the structure has a number: W with all numbers 1."""
    ones = type(p)(np.ones_like(p.params[""]))
    return dense(ones.matrix()[0])


@pytest.mark.parametrize("name", structures())
@pytest.mark.parametrize("G", [1, 4])
def test_an_operator_answers_like_its_dense_matrix(name, G):
    W, _ = structures(G)[name].matrix()
    H, dZ = RNG.standard_normal((4, 3, N)), RNG.standard_normal((4, 3, G * N))
    M = dense(W)
    assert M.shape == W.shape == (G * N, N)
    assert W.T.shape == W.shape[::-1]
    assert W.conj() is W
    np.testing.assert_allclose(H @ W.T, H @ M.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dZ @ W.conj(), dZ @ M, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dZ @ W, dZ @ M, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", structures())
@pytest.mark.parametrize("G", [1, 4])
def test_the_gradient_is_the_dense_one_on_the_structure(name, G):
    p = structures(G)[name]
    W, _ = p.matrix()
    H, dZ = RNG.standard_normal((4, 3, N)), RNG.standard_normal((4, 3, G * N))
    found = type(p)(W.gradient(dZ, H)).matrix()[0].dense()
    full = dZ.reshape(-1, G * N).T @ H.reshape(-1, N)
    np.testing.assert_allclose(found, full * mask(p), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", structures())
@pytest.mark.parametrize("build", [lambda n: Elman(), GRU.sized, lambda n: LSTM()], ids=["elman", "gru", "lstm"])
def test_a_layer_with_a_structure_equals_the_masked_dense_layer(name, build):
    cell = build(N)
    G, X = len(cell.gates), RNG.standard_normal((20, 3, 2))
    U, b, C = RNG.standard_normal((G * N, 2)), RNG.standard_normal(G * N), RNG.standard_normal((20, 3, N))
    sparse = {m: structures(rows)[name] for m, (rows, _) in cell.matrices.items()}
    layer = Recurrent(cell, Dense(U), b, **sparse)
    full = Recurrent(cell, Dense(U), b, **{m: Dense(dense(p.matrix()[0])) for m, p in sparse.items()})
    (H1, _, c1), (H2, _, c2) = layer.forward(X), full.forward(X)
    np.testing.assert_allclose(H1, H2, rtol=0, atol=1e-12)
    (dX1, g1), (dX2, g2) = layer.backward(C, c1), full.backward(C, c2)
    np.testing.assert_allclose(dX1, dX2, rtol=0, atol=1e-11)
    for m, p in sparse.items():
        on_structure = type(p)(g1[m]).matrix()[0].dense()
        np.testing.assert_allclose(on_structure, g2[m] * mask(p), rtol=0, atol=1e-10)
        assert g1[m].shape == p.params[""].shape


def test_an_operator_serves_as_input_matrix_too():
    X, C = RNG.standard_normal((20, 3, N)), RNG.standard_normal((20, 3, N))
    p, W = structures()["shuffle"], Dense(RNG.standard_normal((N, N)) / np.sqrt(N))
    layer, full = (Recurrent(Elman(), U, np.zeros(N), W=W) for U in (p, Dense(dense(p.matrix()[0]))))
    (dX1, g1), (dX2, g2) = (m.backward(C, m.forward(X)[2]) for m in (layer, full))
    np.testing.assert_allclose(dX1, dX2, rtol=0, atol=1e-12)
    assert g1["U"].shape == p.params[""].shape
    np.testing.assert_allclose(g1["W"], g2["W"], rtol=0, atol=1e-11)


def test_a_shuffle_reaches_every_unit_where_blocks_never_leave_their_group():
    V = np.ones((1, 4, 4, 4))
    block, shuffle = dense(BlockDiagonal(V).matrix()[0]), dense(ShuffledBlocks(V).matrix()[0])
    assert np.all(np.linalg.matrix_power(shuffle, 2) > 0)           # log 16 / log 4 = 2 steps
    assert np.mean(np.linalg.matrix_power(block, 20) > 0) == 0.25


def test_orthogonal_blocks_stay_orthogonal_when_shuffled():
    V = np.linalg.qr(RNG.standard_normal((1, 3, 4, 4)))[0]
    W = dense(ShuffledBlocks(V).matrix()[0])
    np.testing.assert_allclose(W.T @ W, np.eye(12), rtol=0, atol=1e-14)


def test_a_structure_holds_no_more_numbers_than_it_promises():
    n, g = 24, 4
    assert Diagonal(np.ones((1, n))).params[""].size == n
    assert BlockDiagonal(blocks(n, g, RNG)).params[""].size == n * n // g
    assert ShuffledBlocks(blocks(n, g, RNG, gates=4)).params[""].size == 4 * n * n // g


def test_at_1024_units_blocks_take_a_fraction_of_the_dense_time():
    """16 blocks do 1/16 of the multiply-adds; 0.5 of the dense time leaves room for copies and a busy machine."""
    n = 1024
    H = RNG.standard_normal((64, n)).astype(np.float32)
    W = RNG.standard_normal((n, n)).astype(np.float32)
    sparse, _ = BlockDiagonal(blocks(n, 16, RNG).astype(np.float32)).matrix()

    def best(M):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            H @ M.T
            H @ M.conj()
            M.gradient(H, H) if M is sparse else H.T @ H
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(sparse) < 0.5 * best(W)


@pytest.mark.parametrize("p", [
    *structures(4).values(),
    Givens(RNG.standard_normal((3, 3)), N, per_step=True),
    Givens(RNG.standard_normal((3, 3)), N),
], ids=lambda p: type(p).__name__)
def test_a_structure_runs_on_the_device_bit_for_bit(p):
    device = StrictDevice()
    W, cache = p.matrix()
    H, dZ = RNG.standard_normal((4, 3, N)), RNG.standard_normal((4, 3, W.shape[0]))
    here = H @ W.T, dZ @ W.conj()
    here_grads = p.pullback(W.gradient(dZ, H) if hasattr(W, "gradient") else W, cache)
    for _, part in walk("", p):
        part.params = {k: backend.to(x, device) for k, x in part.params.items()}
        part.buffers = {k: backend.to(x, device) for k, x in part.buffers.items()}
    moved, there = device.transfers, [backend.to(x, device) for x in (H, dZ)]
    W, cache = p.matrix()
    found = there[0] @ W.T, there[1] @ W.conj()
    grads = p.pullback(W.gradient(there[1], there[0]) if hasattr(W, "gradient") else W, cache)
    assert device.transfers == moved + 2
    for a, b in zip([*found, *grads.values()], [*here, *here_grads.values()], strict=True):
        assert np.array_equal(a.get(), b)
    assert filled(W, 3, 0.5).get().tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(("make", "sentence"), [
    (lambda: Diagonal(np.ones(4)), r"real w \(gates, n\) \(got float64, shape \(4,\)\); reshape to \(1, n\)"),
    (lambda: Diagonal(np.ones((1, 4), complex)), "got complex128"),
    (lambda: BlockDiagonal(np.ones((2, 3, 3))), r"block-diagonal needs real blocks V \(gates, g, m, m\)"),
    (lambda: ShuffledBlocks(np.ones((1, 2, 3, 2))), r"shuffled-blocks needs real blocks .* shape \(1, 2, 3, 2\)"),
    (lambda: blocks(10, 4, RNG), "4 blocks do not divide 10 units; choose one of 1, 2, 5, 10"),
    (lambda: Recurrent(Elman(), Dense(np.ones((4, 2))), np.zeros(4), W=Diagonal(np.ones((4, 4)))), r"shape \(4, 4\)"),
])
def test_what_does_not_fit_is_refused_in_one_sentence(make, sentence):
    with pytest.raises(UsageError, match=sentence):
        make()
