"""PReLU, OPLU, modReLU and the gain: what each promises, and the papers' formulas written out number by number."""

import cmath
import math

import numpy as np
import pytest

from minirnn.activations import OPLU, Abs, Gain, Identity, LeakyReLU, ModReLU, PReLU, Tanh
from minirnn.cells import LSTM, Elman
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.parametrizations import Dense


def normal(shape, kind="f", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if kind == "c" else x


# ---- PReLU


def test_prelu_with_one_slope_is_the_leaky_rectifier():
    z, dh = normal((2, 3, 4))
    f, g = PReLU(np.array([0.3])), LeakyReLU(0.3)
    np.testing.assert_array_equal(f.forward(z), g.forward(z))
    np.testing.assert_array_equal(f.backward(dh, z, None), g.backward(dh, z, None))


def test_a_shared_slope_receives_what_the_slopes_of_all_units_receive():
    z, dh = normal((2, 3, 4))
    own = PReLU(np.zeros(4) + 0.3).gradients(dh, z, None)["slope"]
    shared = PReLU(np.array([0.3])).gradients(dh, z, None)["slope"]
    assert own.tolist() == pytest.approx([sum(dh[r, k] * min(z[r, k], 0) for r in range(3)) for k in range(4)])
    assert shared.tolist() == pytest.approx([own.sum()])


def test_the_bounds_of_prelu_follow_its_slopes():
    assert PReLU(np.array([-0.5, 2.0, 0.7])).bounds == (0.5, 2.0)
    assert PReLU.sized(3).bounds == (0.25, 1.0)


# ---- OPLU


def test_oplu_sorts_each_pair_largest_first():
    h = OPLU().forward(np.array([[1.0, 2.0, 4.0, 3.0, -1.0, -2.0]]))
    assert h.tolist() == [[2, 1, 4, 3, -1, -2]]


@pytest.mark.parametrize("seed", range(3))
def test_oplu_is_a_permutation_both_ways(seed):
    z, dh = normal((2, 50, 8), seed=seed)
    h, dz = OPLU().forward(z), OPLU().backward(dh, z, None)
    np.testing.assert_array_equal(np.sort(h), np.sort(z))
    np.testing.assert_array_equal(np.sort(dz), np.sort(dh))
    np.testing.assert_array_equal(OPLU().backward(h, z, None), z)       # Pᵀ P = I


def test_a_tied_pair_is_not_swapped():
    z, dh = np.zeros((1, 4)), np.array([[1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_array_equal(OPLU().backward(dh, z, None), dh)


# ---- modReLU


def literal(z, b, convention):
    """The published formula for one number."""
    a = abs(z)
    if convention == "exact":
        return z / a * max(a + b, 0)
    if convention == "arjovsky":
        return z * max(a + b, 0) / (a + 1e-5)
    if convention == "wisdom":
        m = math.sqrt(1e-5 + z.real**2 + z.imag**2)
        return z * max(m + b, 0) / (m + 1e-5)
    m = a + 0.01
    return z / m * max(m + b, 0)


CONVENTIONS = ["exact", "arjovsky", "wisdom", "eunn"]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("kind", ["f", "c"])
def test_modrelu_is_the_published_formula(convention, kind):
    z, b = normal((20, 6), kind), np.linspace(-1, 0.5, 6)
    h = ModReLU(b, convention).forward(z)
    wanted = [[literal(complex(x), c, convention) for x, c in zip(row, b, strict=True)] for row in z]
    np.testing.assert_allclose(h, wanted, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_complex_modrelu_on_the_real_line_is_the_real_one(convention):
    z, dh = normal((2, 20, 6))
    f = ModReLU(np.linspace(-1, 0.5, 6), convention)
    np.testing.assert_array_equal(f.forward(z + 0j), f.forward(z))
    np.testing.assert_allclose(f.backward(dh + 0j, z + 0j, None), f.backward(dh, z, None), rtol=1e-14)
    np.testing.assert_allclose(f.gradients(dh + 0j, z + 0j, None)["b"], f.gradients(dh, z, None)["b"], rtol=1e-14)


def test_real_exact_modrelu_shrinks_softly_and_passes_gradients_whole():
    f, z, dh = ModReLU(np.array([-0.5])), np.array([[-2.0, -0.3, 0.3, 2.0]]), np.array([[5.0, 6.0, 7.0, 8.0]])
    assert f.forward(z).tolist() == [[-1.5, 0, 0, 1.5]]
    assert f.backward(dh, z, None).tolist() == [[5, 0, 0, 8]]


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e-6, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_real_gradient_is_exactly_one_however_small_z_is(scale, dtype):
    z, dh = (scale * normal((5, 4))).astype(dtype), normal((5, 4), seed=1).astype(dtype)
    np.testing.assert_array_equal(ModReLU(np.zeros(4, dtype) + dtype(0.7)).backward(dh, z, None), dh)


@pytest.mark.parametrize("kind", ["f", "c"])
def test_modrelu_without_bias_is_the_identity_also_at_zero(kind):
    z = normal((3, 4), kind)
    z[0] = 0
    f, dh = ModReLU(np.zeros(4)), normal((3, 4), kind, seed=1)
    np.testing.assert_allclose(f.forward(z), z, rtol=1e-15)
    np.testing.assert_allclose(f.backward(dh, z, None), dh, rtol=1e-14)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_is_finite_at_zero(convention):
    f, z, dh = ModReLU(np.array([-0.1, 0.0, 0.1]), convention), np.zeros((2, 3), complex), np.ones((2, 3), complex)
    assert not f.forward(z).any()
    assert np.all(np.isfinite(f.backward(dh, z, None)))
    assert not f.gradients(dh, z, None)["b"].any()


def test_modrelu_keeps_the_phase_and_rectifies_the_length():
    z = 2 * cmath.exp(0.7j)
    (h,) = ModReLU(np.array([-0.5])).forward(np.array([[z]]))[0]
    assert cmath.phase(h) == pytest.approx(0.7)
    assert abs(h) == pytest.approx(1.5)


def test_the_jacobian_of_modrelu_stretches_along_z_and_across_it_by_different_factors():
    f, z = ModReLU(np.array([-0.5])), 2 * cmath.exp(0.7j)
    along, across = cmath.exp(0.7j), 1j * cmath.exp(0.7j)
    for direction, gain in ((along, 1.0), (across, 1.5 / 2)):
        dz = f.backward(np.array([[direction]]), np.array([[z]]), None)
        assert complex(dz[0, 0]) == pytest.approx(gain * direction)


def test_the_bounds_of_modrelu_hold_while_b_is_not_positive():
    assert ModReLU(np.array([-0.1, 0.0])).bounds == (0.0, 1.0)
    assert ModReLU(np.array([-0.1, 0.1])).bounds == (0.0, math.inf)


# ---- gain


@pytest.mark.parametrize("f", [Tanh(), Abs(), ModReLU(np.array([-0.2]))], ids=lambda f: type(f).__name__)
def test_the_gain_multiplies_the_pre_activation_and_its_gradient(f):
    z, dh = normal((2, 3, 4))
    wrapped = Gain(f, 1.05)
    np.testing.assert_array_equal(wrapped.forward(z), f.forward(1.05 * z))
    np.testing.assert_allclose(wrapped.backward(dh, z, None if not isinstance(f, Tanh) else f.forward(1.05 * z)),
                               1.05 * f.backward(dh, 1.05 * z, f.forward(1.05 * z)), rtol=1e-15)


def test_the_wrapper_and_what_it_wraps_share_their_parameters():
    inner = PReLU(np.array([0.3]))
    f = Gain(inner, 1.05, trained=True)
    assert set(f.params) == {"slope", "gain"}
    f.params["slope"] = np.array([0.4])
    assert inner.params["slope"] == 0.4


# ---- dtypes, and what is refused


@pytest.mark.parametrize(("real", "number"), [(np.float32, np.complex64), (np.float64, np.complex128)])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_precision_and_kind_follow_the_argument(real, number, convention):
    f = ModReLU(np.zeros(4, real) - real(0.1), convention)
    for dtype in (real, number):
        z = normal((3, 4), "c").astype(dtype) if dtype is number else normal((3, 4)).astype(dtype)
        h = f.forward(z)
        assert (h.dtype, f.backward(z, z, h).dtype, f.gradients(z, z, h)["b"].dtype) == (dtype, dtype, real)


def layer(f, n, complex_matrices=False):
    one = np.ones((n, n)) * (1j if complex_matrices else 1)
    return Recurrent(Elman(f), Dense(one[:, :2].copy()), None, W=Dense(one))


@pytest.mark.parametrize("f", [Tanh(), Abs(), OPLU(), PReLU(np.zeros(1)), Gain()], ids=lambda f: type(f).__name__)
def test_a_real_activation_in_a_complex_network_is_refused_when_the_layer_is_made(f):
    with pytest.raises(UsageError, match="not defined for complex numbers"):
        layer(f, 4, complex_matrices=True)


@pytest.mark.parametrize("f", [Identity(), ModReLU(np.zeros(4)), Gain(Identity())], ids=lambda f: type(f).__name__)
def test_activations_for_both_kinds_are_welcome_in_both(f):
    assert layer(f, 4).hidden_size == layer(f, 4, complex_matrices=True).hidden_size == 4


def test_an_odd_number_of_units_is_refused_by_oplu():
    with pytest.raises(UsageError, match="sorts pairs"):
        layer(OPLU(), 5)


@pytest.mark.parametrize("f", [PReLU(np.zeros(3)), ModReLU(np.zeros(3))], ids=lambda f: type(f).__name__)
def test_a_parameter_for_another_number_of_units_is_refused(f):
    with pytest.raises(UsageError, match="for 4 units"):
        layer(f, 4)


def test_a_gated_cell_refuses_complex_matrices():
    W = np.ones((16, 4)) * 1j
    with pytest.raises(UsageError, match="LSTM is not defined for complex"):
        Recurrent(LSTM(), Dense(W), None, W=Dense(W))


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: PReLU(np.zeros((2, 2))), "slope of prelu must be a real vector"),
        (lambda: PReLU(np.zeros(2, complex)), "slope of prelu must be a real vector"),
        (lambda: ModReLU(np.zeros(2, complex)), "b of modrelu must be a real vector"),
        (lambda: ModReLU(np.zeros(2), "wisdm"), "did you mean 'wisdom'"),
        (lambda: Gain(Tanh(), 0.0), "a gain must be positive"),
        (lambda: Gain(Tanh(), -1.0), "a gain must be positive"),
    ],
)
def test_nonsense_is_refused_at_construction(build, sentence):
    with pytest.raises(UsageError, match=sentence):
        build()
