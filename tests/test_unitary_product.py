"""The unitary product: equal to its explicit factors, unitary, with the adjoint as its pullback; what is refused."""

import numpy as np
import pytest
from complex_numbers import normal

from minirnn.errors import UsageError
from minirnn.linalg import orthogonality_error, reflect, reflection_gradient
from minirnn.parametrizations import Unitary, UnitaryProduct


def inner(a, b):
    return np.sum((np.conj(a) * b).real)


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


@pytest.mark.parametrize(("build", "sentence"), [
    (lambda: UnitaryProduct(np.zeros((2, 4)), normal((2, 4)), np.arange(4)), r"theta must .*shape \(2, 4\)"),
    (lambda: UnitaryProduct(np.zeros((3, 4)), normal((2, 4)).real, np.arange(4)), r"v must be complex.*got float64"),
    (lambda: UnitaryProduct(np.zeros((3, 4)), normal((2, 4)) * [[0], [1]], np.arange(4)), "two non-zero rows"),
    (lambda: UnitaryProduct(np.zeros((3, 4)), normal((2, 4)), np.array([0, 1, 1, 3])), r"each of 0 \.\. 3 once"),
    (lambda: Unitary(np.identity(3)), r"a complex square matrix .*got float64"),
    (lambda: Unitary(2j * np.identity(3)), "with orthonormal columns"),
    (lambda: Unitary(normal((4, 3))), r"square matrix .*shape \(4, 3\)"),
])
def test_what_is_not_unitary_is_refused_at_construction(build, sentence):
    with pytest.raises(UsageError, match=sentence):
        build()
