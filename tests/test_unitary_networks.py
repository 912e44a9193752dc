"""Complex networks: the convention for gradients, the unitary product against its factors, the uRNNs as published."""

from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import gradcheck
from minirnn.activations import ModReLU
from minirnn.cells import Elman
from minirnn.diagnostics.gradient_flow import jacobian_norms
from minirnn.errors import UsageError
from minirnn.layers import Recurrent, SplitLinear
from minirnn.linalg import orthogonality_error, reflect, reflection_gradient
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import full_urnn, urnn
from minirnn.optimizers import SGD, Geodesic, Optimizer, RMSprop
from minirnn.parametrizations import Dense, ExpMap, Unitary, UnitaryProduct
from minirnn.problems import Problem


def normal(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def inner(a, b):
    return np.sum((np.conj(a) * b).real)


# ---- the convention


def test_the_gradient_of_the_squared_modulus_is_twice_the_number():
    z = np.array([1 + 2j])
    problem = Problem({"z": z}, lambda: float(np.abs(z[0]) ** 2), lambda: {"z": 2 * z})
    (row,) = gradcheck.check(problem)
    assert row.passed
    assert row.numeric == pytest.approx(2 + 4j, abs=1e-9)


def test_half_of_it_the_derivative_by_the_conjugate_is_told_apart():
    z = np.array([1 + 2j])
    (row,) = gradcheck.check(Problem({"z": z}, lambda: float(np.abs(z[0]) ** 2), lambda: {"z": z}))
    assert row.hint == "it is 0.5 times the true gradient"


def test_descent_subtracts_the_gradient_as_it_is():
    z = np.array([1 + 2j])
    Optimizer({"z": z}, [("*", SGD(0.1))]).step({"z": z}, {"z": 2 * z})
    assert z[0] == pytest.approx(0.8 * (1 + 2j))


# ---- a complex Elman network, literally


def literal_bptt(X, U, W, b, h0, dH):
    """Each sample and each step by itself, with exact modReLU's Jacobian as a real 2 x 2 matrix per unit."""
    T, B, m = X.shape
    n = len(W)
    h, z = np.zeros((T + 1, B, n), complex), np.zeros((T, B, n), complex)
    for s in range(B):
        h[0, s] = h0
        for t in range(T):
            z[t, s] = W @ h[t, s] + U @ X[t, s]
            a = np.abs(z[t, s])
            h[t + 1, s] = z[t, s] / a * np.maximum(a + b, 0)
    dU, dW, db, dh0, dX = np.zeros_like(U), np.zeros_like(W), np.zeros(n), np.zeros(n, complex), np.zeros((T, B, m))
    for s in range(B):
        carry = np.zeros(n, complex)
        for t in reversed(range(T)):
            g, dz = dH[t, s] + carry, np.zeros(n, complex)
            for k in range(n):
                x, y = z[t, s, k].real, z[t, s, k].imag
                a = np.hypot(x, y)
                if a + b[k] <= 0:
                    continue
                r = np.array([x, y]) / a
                J = (1 + b[k] / a) * np.identity(2) - b[k] / a * np.outer(r, r)      # ∂(Re h, Im h)/∂(Re z, Im z)
                v = J.T @ [g[k].real, g[k].imag]
                dz[k] = v[0] + 1j * v[1]
                db[k] += r @ [g[k].real, g[k].imag]
            dW += np.outer(dz, h[t, s].conj())
            dU += np.outer(dz, X[t, s])
            dX[t, s] = (U.conj().T @ dz).real
            carry = W.conj().T @ dz
        dh0 += carry
    return h, {"U": dU, "W": dW, "activation.b": db, "h0": dh0}, dX


@pytest.mark.parametrize("T", [1, 16, 19])
def test_a_complex_elman_layer_equals_literal_bptt(T):
    n, m, B = 4, 3, 2
    U, W, h0, b = normal((n, m)), normal((n, n), 1) / 4, normal(n, 2), np.array([-0.5, -0.1, 0.0, 0.2])
    X, dH = normal((T, B, m), 3).real.copy(), normal((T, B, n), 4)
    layer = Recurrent(Elman(ModReLU(b)), Dense(U), None, h0=(h0,), W=Dense(W))
    H, _, tape = layer.forward(X)
    dX, grads = layer.backward(dH, tape)
    h, wanted, wanted_dX = literal_bptt(X, U, W, b, h0, dH)
    np.testing.assert_allclose(H, h[1:], rtol=1e-12)
    assert set(grads) == set(wanted)
    for name, d in wanted.items():
        np.testing.assert_allclose(grads[name], d, rtol=1e-10, atol=1e-12)
    assert dX.dtype == X.dtype
    np.testing.assert_allclose(dX, wanted_dX, rtol=1e-10, atol=1e-12)


def test_real_and_complex_matrices_do_not_mix():
    with pytest.raises(UsageError, match="all be real or all complex"):
        Recurrent(Elman(ModReLU(np.zeros(3))), Dense(np.ones((3, 2))), None, W=Dense(normal((3, 3))))
    with pytest.raises(UsageError, match="needs complex matrices"):
        Recurrent(Elman(), Dense(np.ones((3, 2))), normal(3), W=Dense(np.ones((3, 3))))


def test_the_split_read_out_is_the_real_part_of_a_complex_one():
    W, X = normal((4, 10)).real, normal((6, 2, 5))
    Y, _ = SplitLinear(W, np.zeros(4)).forward(X)
    np.testing.assert_allclose(Y, (X @ (W[:, :5] - 1j * W[:, 5:]).T).real, rtol=1e-12, atol=1e-14)


# ---- the unitary product


def factors(p):
    """D₃, R₂, F⁻¹, D₂, Π, R₁, F, D₁ as explicit matrices."""
    theta, v, permutation = p.params["theta"], p.params["v"], p.buffers["permutation"]
    n = len(permutation)
    D = [np.diag(np.exp(1j * t)) for t in theta]
    R = [np.identity(n) - 2 * np.outer(w, w.conj()) / np.vdot(w, w) for w in v]
    k = np.arange(n)
    F = np.exp(-2j * np.pi * np.outer(k, k) / n) / np.sqrt(n)
    Pi = np.zeros((n, n))
    Pi[k, permutation] = 1
    return D[2], R[1], F.conj().T, D[1], Pi, R[0], F, D[0]


@pytest.mark.parametrize("n", [1, 2, 5, 16])
def test_the_product_equals_its_explicit_factors(n):
    p = UnitaryProduct.random(n, np.random.default_rng(n))
    np.testing.assert_allclose(p.matrix()[0], np.linalg.multi_dot(factors(p)), atol=1e-14)


@pytest.mark.parametrize(("dtype", "limit"), [(np.complex128, 1e-12), (np.complex64, 1e-5)])
@pytest.mark.parametrize("n", [1, 6, 31, 128])
def test_the_product_is_unitary(n, dtype, limit):
    p = UnitaryProduct.random(n, np.random.default_rng(0))
    p.params = {"theta": p.params["theta"].astype(dtype().real.dtype), "v": p.params["v"].astype(dtype)}
    W, cache = p.matrix()
    assert W.dtype == dtype
    assert orthogonality_error(W) <= limit
    grads = p.pullback(W, cache)
    assert {name: d.dtype for name, d in grads.items()} == {name: x.dtype for name, x in p.params.items()}


def test_the_pullback_is_the_adjoint_of_the_differential():
    """⟨G, dW(θ̇, v̇)⟩ = ⟨pullback G, (θ̇, v̇)⟩, with dW by complex differences along a random direction."""
    p, n = UnitaryProduct.random(7, np.random.default_rng(0)), 7
    G, move = normal((n, n)), {"theta": normal((3, n), 1).real, "v": normal((2, n), 2)}
    grads, e = p.pullback(G, p.matrix()[1]), 1e-6

    def at(s):
        theta, v = (p.params[k] + s * move[k] for k in ("theta", "v"))
        return UnitaryProduct(theta, v, p.buffers["permutation"]).matrix()[0]

    rate = inner(G, at(e) - at(-e)) / (2 * e)
    assert sum(inner(grads[k], move[k]) for k in move) == pytest.approx(rate, rel=1e-8)


def test_the_length_and_the_phase_of_a_reflection_vector_do_not_matter():
    p = UnitaryProduct.random(6, np.random.default_rng(0))
    dv = p.pullback(normal((6, 6)), p.matrix()[1])["v"]
    for v, d in zip(p.params["v"], dv, strict=True):
        assert abs(np.vdot(v, d)) <= 1e-13 * np.linalg.norm(d) * np.linalg.norm(v)
    q = UnitaryProduct(p.params["theta"], p.params["v"] * 3j, p.buffers["permutation"])
    np.testing.assert_allclose(q.matrix()[0], p.matrix()[0], atol=1e-15)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_the_gradient_of_a_reflection_is_the_literal_one(kind):
    """v̄ = −(2/q) Σ [γ* x + s* ȳ] + (4/q²) (Σ Re γ* s) v, with s = vᴴx and γ = vᴴȳ."""
    v, X, dY = normal(5), normal((5, 3), 1), normal((5, 3), 2)
    if kind == "real":
        v, X, dY = v.real, X.real, dY.real
    s, gamma, q = v.conj() @ X, v.conj() @ dY, np.sum(np.abs(v) ** 2)
    wanted = -2 / q * (X @ gamma.conj() + dY @ s.conj()) + 4 / q**2 * np.sum((gamma.conj() * s).real) * v
    np.testing.assert_allclose(reflection_gradient(v, reflect(v, X), dY), wanted, rtol=1e-12)


def test_a_stack_is_reflected_like_its_members():
    v, X = normal(5), normal((2, 5, 3), 1)
    np.testing.assert_allclose(reflect(v, X), np.stack([reflect(v, X[0]), reflect(v, X[1])]), rtol=1e-15)


@pytest.mark.parametrize(
    "build",
    [
        lambda: UnitaryProduct(np.zeros((2, 4)), normal((2, 4)), np.arange(4)),
        lambda: UnitaryProduct(np.zeros((3, 4)), normal((2, 4)).real, np.arange(4)),
        lambda: UnitaryProduct(np.zeros((3, 4)), normal((2, 4)) * np.array([[0], [1]]), np.arange(4)),
        lambda: UnitaryProduct(np.zeros((3, 4)), normal((2, 4)), np.array([0, 1, 1, 3])),
        lambda: Unitary(np.identity(3)),
        lambda: Unitary(2j * np.identity(3)),
        lambda: Unitary(normal((4, 3))),
    ],
)
def test_what_is_not_unitary_is_refused_at_construction(build):
    with pytest.raises(UsageError):
        build()


# ---- the published networks


def test_the_parameter_counts_are_the_papers():
    rng = np.random.default_rng(0)
    n, m, k = 128, 10, 9
    assert urnn(m, k, n, rng=rng, symbols=True).size == 2 * n * (m + k) + 10 * n + k == 6153
    assert full_urnn(m, k, n, rng=rng, symbols=True).size == 2 * n * (m + k) + 3 * n + 2 * n * n + k == 38025


def test_the_initial_values_are_the_papers():
    model, n = urnn(10, 9, 512, rng=np.random.default_rng(0), symbols=True, dtype=np.float64), 512
    p = model.params
    for name, bound in (("rnn.0.U", np.sqrt(6 / (10 + 2 * n))), ("rnn.0.W.v", np.sqrt(6 / (2 + 2 * n))),
                        ("rnn.0.h0", np.sqrt(3 / (2 * n)))):
        for part in (p[name].real, p[name].imag):
            assert 0.95 * bound < np.abs(part).max() <= bound
    assert 0.99 * np.pi < np.abs(p["rnn.0.W.theta"]).max() <= np.pi
    assert 0.0099 < np.abs(p["rnn.0.activation.b"]).max() <= 0.01
    assert not p["readout.b"].any()
    assert "rnn.0.b" not in p
    assert np.linalg.norm(p["rnn.0.h0"]) == pytest.approx(1, abs=0.05)


def optimizer(model, lr):
    rules = {"rmsprop": RMSprop, "geodesic": Geodesic}
    groups = [(g.pattern, rules[g.rule](lr * g.lr_scale, **g.options)) for g in model.groups]
    return Optimizer(model.params, groups, model.manifold)


def train(model, steps, T=12, lr=3e-3):
    """Recall two of four symbols after T − 4 blanks; returns the losses."""
    losses, loss, opt = [], SoftmaxCrossEntropy(), optimizer(model, lr)
    for step in range(steps):
        y = np.random.default_rng(step).integers(0, 4, (2, 20))
        x = np.full((T, 20), 4)
        x[:2], x[-3] = y, 5
        batch = SimpleNamespace(y=y, mask=None)
        out, _, tape = model.forward(x, read=2)
        value, cache = loss.forward(out, batch)
        opt.step(model.params, model.backward(loss.backward(cache), tape))
        losses.append(float(value))
    return losses


@pytest.mark.parametrize("system", [urnn, full_urnn])
def test_a_unitary_network_learns_to_recall(system):
    model = system(6, 4, 32, rng=np.random.default_rng(0), symbols=True)
    losses = train(model, 30)
    assert losses[0] > 1.386                               # ln 4, a guess
    assert np.mean(losses[-5:]) < 0.4
    W = model.layers[0].matrices["W"].matrix()[0]
    assert W.dtype == np.complex64
    assert orthogonality_error(W) <= 1e-4
    kinds = {name: x.dtype for name, x in model.params.items()}
    assert set(kinds.values()) == {np.dtype(np.float32), np.dtype(np.complex64)}


def test_a_straight_line_rule_on_the_unitary_matrix_is_refused():
    model = full_urnn(6, 4, 8, rng=np.random.default_rng(0), symbols=True)
    with pytest.raises(UsageError, match="unitary"):
        Optimizer(model.params, [("*", RMSprop(1e-3))], model.manifold)


@pytest.mark.parametrize("system", [urnn, full_urnn])
def test_a_training_step_stays_on_the_device_and_is_bit_identical(system):
    def step(place):
        model, batch = system(6, 4, 8, rng=np.random.default_rng(0), symbols=True), np.arange(10).reshape(5, 2) % 6
        y, loss = np.array([[0, 1], [2, 3]]), SoftmaxCrossEntropy()
        device = place() if place else None
        if device:
            model, batch, y = model.to(device), device.asarray(batch), device.asarray(y)
        opt = optimizer(model, 1e-3)
        for _ in range(2):
            out, _, tape = model.forward(batch, read=2)
            _, cache = loss.forward(out, SimpleNamespace(y=y, mask=None))
            opt.step(model.params, model.backward(loss.backward(cache), tape))
        return {name: x.get() if device else x for name, x in model.params.items()}

    here, there = step(None), step(StrictDevice)
    for name, x in here.items():
        assert there[name].dtype == x.dtype, name
        np.testing.assert_array_equal(there[name], x)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_a_unitary_network_without_bias_keeps_the_jacobian_at_the_root_of_its_real_dimension(kind):
    n, X = 6, np.zeros((20, 2, 3))
    if kind == "complex":
        W, U = UnitaryProduct.random(n, np.random.default_rng(0)), Dense(normal((n, 3)))
    else:
        W, U = ExpMap(normal((n, n)).real.copy()), Dense(normal((n, 3)).real.copy())
    norms = jacobian_norms(Recurrent(Elman(ModReLU(np.zeros(n))), U, None, W=W), X)
    np.testing.assert_allclose(norms, np.sqrt(n if kind == "real" else 2 * n), rtol=1e-12)
