"""The bounds on ‖∂h_T/∂h_t‖: those that hold do so in every draw, the printed one does not."""

import jacobians
import numpy as np
import pytest

from minirnn import catalog, models
from minirnn.activations import Abs, Gain, Identity, LeakyReLU, Tanh
from minirnn.cells import Elman
from minirnn.diagnostics.bounds import Bounds, closed_forms, lower_by_data, volume
from minirnn.diagnostics.gradient_flow import GradientFlow, jacobian_norms, real_size, state_rows
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.layers import Recurrent
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.parametrizations import Dense, ExpMap
from minirnn.tasks.base import Batch

T = 6
ACTIVATIONS = dict(catalog.examples("activations", 4, np.random.default_rng(0)))
PAIRS = [(label, kind) for label, f in ACTIVATIONS.items() for kind in f.kinds]


def elman(f, W):
    rng, size = np.random.default_rng(0), len(W)
    return Recurrent(Elman(f), Dense(rng.standard_normal((size, 2))), rng.standard_normal(size), W=Dense(W))


def subject(build=models.rnn, size=6, length=T, **options):
    model = build(2, 3, size, rng=np.random.default_rng(0), **options)
    rng = np.random.default_rng(1)
    batch = Batch(rng.standard_normal((length, 3, 2)).astype(np.float32), rng.integers(0, 3, (1, 3)))
    return Subject(model, 0, SoftmaxCrossEntropy(), batch, None, 0)


def product(W, D):
    """D_T W ... D_1 W for the diagonals D (T, n)."""
    J = np.identity(len(W))
    for d in D:
        J = d[:, None] * (W @ J)
    return J


# ---- which bounds hold


def test_the_corrected_bounds_hold_in_a_thousand_draws_and_the_printed_upper_one_does_not():
    rng, violated = np.random.default_rng(0), 0
    f = LeakyReLU(0.3)
    for draw in range(1000):
        n = int(rng.integers(2, 7))
        W = rng.standard_normal((n, n)) / np.sqrt(n)
        D = rng.choice([0.3, 1.0], (T, n))
        found = closed_forms(W, f, n, T)
        J = product(W, D)
        gains = np.linalg.svd(J, compute_uv=False)
        fro, root = np.linalg.norm(J), np.sqrt(n)
        determinant = root * (np.abs(np.linalg.det(W)) ** T * np.prod(D)) ** (1 / n)
        assert fro <= found["upper"][0] * (1 + 1e-9), f"draw {draw} of seed 0"
        assert gains[0] <= found["upper"][0] / root * (1 + 1e-9), f"draw {draw} of seed 0"
        assert gains[-1] >= found["lower"][0] / root * (1 - 1e-9) - 1e-12, f"draw {draw} of seed 0"
        assert fro >= determinant * (1 - 1e-9), f"draw {draw} of seed 0"
        assert determinant >= found["printed_lower"][0] * (1 - 1e-9), f"draw {draw} of seed 0"
        assert determinant >= found["lower"][0] * (1 - 1e-9), f"draw {draw} of seed 0"
        violated += fro > found["printed_upper"][0] * (1 + 1e-9)
    assert violated >= 10


def test_the_printed_bounds_hold_for_normal_matrices():
    rng = np.random.default_rng(0)
    for draw in range(200):
        S = rng.standard_normal((5, 5))
        found = closed_forms(S + S.T, Tanh(), 5, T)
        np.testing.assert_allclose(found["printed_upper"], found["upper"], rtol=1e-9, err_msg=f"draw {draw} of seed 0")
        np.testing.assert_allclose(found["printed_lower"], found["lower"], rtol=1e-9, err_msg=f"draw {draw} of seed 0")


def test_one_linear_step_of_a_matrix_far_from_normal_is_above_the_printed_bound():
    W = np.array([[0.5, 10], [0, 0.4]])
    found = closed_forms(W, Identity(), 2, 1)
    assert np.linalg.norm(W) > 10
    assert found["printed_upper"][0] == pytest.approx(0.5 * np.sqrt(2))
    assert found["upper"][0] >= np.linalg.norm(W)
    assert (found["lambda_min"], found["lambda_max"]) == pytest.approx((0.4, 0.5))


def test_a_single_gradient_may_shrink_below_the_printed_lower_bound_but_not_below_the_corrected_one():
    W = np.array([[1, 5], [0, 1.01]])
    found = closed_forms(W, Identity(), 2, 1)
    shortest = np.linalg.svd(W, compute_uv=False)[-1]
    assert shortest < 0.2 < 1 <= found["printed_lower"][0] / np.sqrt(2) * (1 + 1e-12)
    assert shortest == pytest.approx(found["lower"][0] / np.sqrt(2))


def test_the_bounds_of_the_papers_table_with_the_identity_that_it_leaves_out():
    W = ExpMap(np.random.default_rng(0).standard_normal((200, 200))).matrix()[0]
    found = closed_forms(W, LeakyReLU(0.5), 200, 29)
    assert found["lower"][0] == pytest.approx(0.5**29 * np.sqrt(200), rel=1e-9)
    assert found["upper"] == pytest.approx([np.sqrt(200)] * 30, rel=1e-9)


# ---- the lower bound by determinants


@pytest.mark.parametrize(("label", "kind"), PAIRS)
def test_each_units_volume_is_its_factor_of_the_determinant(label, kind):
    f, rng = ACTIVATIONS[label], np.random.default_rng(0)
    z = 2 * jacobians.normal((30, 4), kind, rng)
    h = f.forward(z)
    units = np.identity(4) if kind == "f" else np.concatenate([np.identity(4), 1j * np.identity(4)])
    J = np.stack([f.backward(np.broadcast_to(e, z.shape).astype(z.dtype), z, h) for e in units], axis=1)
    J = np.concatenate([J.real, J.imag], axis=2) if kind == "c" else J
    np.testing.assert_allclose(np.prod(volume(f, z, h), axis=1), np.abs(np.linalg.det(J)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("label", "kind"), PAIRS)
def test_it_is_the_determinant_of_the_jacobian_and_below_its_norm(label, kind):
    net = jacobians.layer_of(Elman(ACTIVATIONS[label]), kind)
    X = np.random.default_rng(1).standard_normal((T, 3, jacobians.m))
    found, N = lower_by_data(net, X), real_size(net)
    assert found.shape == (T + 1, 3)
    assert np.all(found <= jacobian_norms(net, X) * (1 + 1e-9))
    for k in range(3):
        for t, (rows,) in state_rows(net, X[:, k : k + 1], 1):
            J = np.concatenate([rows.real, rows.imag], axis=1) if kind == "c" else rows
            determinant, rounding = np.abs(np.linalg.det(J)), 1e-13 * np.linalg.norm(J, 2) ** N
            assert (found[t, k] / np.sqrt(N)) ** N == pytest.approx(determinant, rel=1e-6, abs=rounding)


def test_abs_and_an_orthogonal_matrix_close_the_gap_between_all_bounds():
    found = Bounds().measure(subject(models.urnn_exp, activation="abs"))
    for name in ("upper", "lower", "lower_by_data", "printed_upper", "printed_lower"):
        np.testing.assert_allclose(found[name], np.sqrt(6), rtol=1e-12)
    assert (found["beta"], found["gamma"]) == (1, 1)


# ---- the diagnostic


@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky-relu", "abs", "prelu", "oplu", "gain", "identity"])
def test_measured_norms_lie_between_the_bounds(activation):
    asked = subject(activation=activation)
    found, flow = Bounds().measure(asked), GradientFlow().measure(asked)
    assert found["t"] == flow["t"]
    assert np.all(np.array(flow["fro_max"]) <= np.array(found["upper"]) * (1 + 1e-9))
    assert np.all(np.array(flow["fro_min"]) >= np.array(found["lower_by_data"]) * (1 - 1e-9))
    assert np.all(np.array(found["lower_by_data"]) >= np.array(found["lower"]) * (1 - 1e-9))
    assert np.all(np.array(flow["two_max"]) * np.sqrt(6) <= np.array(found["upper"]) * (1 + 1e-9))


def test_the_singular_values_are_those_of_the_matrix_the_layer_uses():
    asked = subject()
    found, singular = Bounds().measure(asked), np.linalg.svd(asked.matrix(), compute_uv=False)
    assert (found["sigma_max"], found["sigma_min"]) == pytest.approx((singular[0], singular[-1]), rel=1e-5)


def test_a_complex_network_starts_at_the_root_of_2n():
    found = Bounds().measure(subject(models.urnn))
    assert found["upper"][-1] == pytest.approx(np.sqrt(12))
    assert found["lower_by_data"][-1] == pytest.approx(np.sqrt(12))


@pytest.mark.parametrize("build", [models.lstm, models.gru])
def test_gated_cells_are_refused_with_what_to_ask_instead(build):
    with pytest.raises(UsageError, match=r"h = f\(W h \+ U x \+ b\) alone .* measure gradient-flow"):
        Bounds().measure(subject(build))


def test_the_bounds_of_a_trained_gain_follow_the_gain():
    f = Gain(Abs(), 1.5, trained=True)
    assert f.bounds == (1.5, 1.5)
    f.params["gain"][0] = -0.5
    assert f.bounds == (0.5, 0.5)
    assert closed_forms(np.identity(3), f, 3, 2)["upper"][0] == pytest.approx(0.25 * np.sqrt(3))


def test_no_example_to_measure_is_refused():
    with pytest.raises(UsageError, match="at least one example"):
        Bounds(examples=0)
