"""Penalties on the composite matrix."""

import numpy as np
import pytest

from minirnn import catalog, perturb
from minirnn.cells import Elman
from minirnn.errors import UsageError
from minirnn.gradcheck import check
from minirnn.initializers import orthogonal
from minirnn.layers import Recurrent
from minirnn.models import soft_orthogonal_rnn, spectral_rnn
from minirnn.optimizers import SGD
from minirnn.parametrizations import Dense, ExpMap
from minirnn.problems import of
from minirnn.regularizers import SoftOrthogonality, SpectralPrior, WeightDecay

SEED = 22


@pytest.mark.parametrize("name", ["soft-orthogonality", "spectral-prior", "weight-decay"])
def test_every_tagged_backward_line_is_guarded(name):
    component = catalog.find("regularizers", name)
    for tag in perturb.backward_tags(component):
        wrong = perturb.perturbed(component, tag, 1.001)
        rng = np.random.default_rng(0)
        rows = [row for _, problem in of("regularizers", wrong, 5, rng) for row in check(problem, rng=rng)]
        assert any(not row.passed for row in rows), tag


@pytest.mark.parametrize("regularizer", [SoftOrthogonality(0.7), SpectralPrior(0.7)])
def test_orthogonal_matrices_pay_nothing(regularizer):
    W = orthogonal((6, 4), np.random.default_rng(SEED))
    value, cache = regularizer.forward(W)
    assert value < 1e-25
    assert np.linalg.norm(regularizer.backward(cache)) < 1e-12


def test_spectral_prior_acts_on_the_singular_values_alone():
    rng = np.random.default_rng(SEED)
    U, V, s = orthogonal((5, 5), rng), orthogonal((5, 5), rng), rng.uniform(0.5, 2, 5)
    value, cache = SpectralPrior(0.7).forward((U * s) @ V.T)
    assert value == pytest.approx(0.7 * np.sum((s - 1) ** 2))
    np.testing.assert_allclose(SpectralPrior(0.7).backward(cache), (U * (1.4 * (s - 1))) @ V.T, atol=1e-12)


def test_complex_gradient_of_soft_orthogonality_follows_the_convention():
    rng = np.random.default_rng(SEED)
    W = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    r, E = SoftOrthogonality(0.3), np.zeros((4, 4))
    G = r.backward(r.forward(W)[1])
    E[1, 2] = 1e-6
    numeric = [(r.forward(W + d * E)[0] - r.forward(W - d * E)[0]) / 2e-6 for d in (1, 1j)]
    assert G[1, 2] == pytest.approx(numeric[0] + 1j * numeric[1], rel=1e-7)


def test_soft_orthogonality_pulls_a_matrix_towards_the_manifold():
    W, r = np.random.default_rng(SEED).standard_normal((5, 5)) / 2, SoftOrthogonality(1.0)
    rule = SGD(0.02)
    for _ in range(2000):
        rule.step("W", W, r.backward(r.forward(W)[1]))
    assert r.forward(W)[0] < 1e-6


def test_penalty_is_summed_over_layers_and_regularizers():
    rng = np.random.default_rng(SEED)
    model = spectral_rnn(2, 3, 4, rng=rng, layers=2, weight_decay=0.1, prior=0.2, dtype=np.float64)
    _, _, tape = model.forward(rng.standard_normal((3, 2, 2)))
    expected = sum(0.1 * np.sum(p.matrix()[0] ** 2) for layer in model.layers for p in (layer.U, layer.matrices["W"]))
    assert model.penalty(tape) == pytest.approx(expected)           # the prior costs nothing at the start
    assert soft_orthogonal_rnn(2, 3, 4, rng=rng).layers[0].regularizers[0].strength == 1e-3


def test_penalty_on_a_parametrized_matrix_is_pulled_back():
    rng = np.random.default_rng(SEED)
    W = ExpMap(rng.standard_normal((4, 4)))
    layer = Recurrent(Elman(), Dense(np.zeros((4, 2))), np.zeros(4), W=W, regularizers=[SoftOrthogonality(1.0)])
    H, _, cache = layer.forward(np.zeros((3, 2, 2)))
    _, grads = layer.backward(np.zeros_like(H), cache)
    assert np.linalg.norm(grads["W.A"]) < 1e-12                     # exp(B) is orthogonal: nothing to gain


def test_errors_name_the_matrix_and_the_sign():
    with pytest.raises(UsageError, match="negative"):
        WeightDecay(-1)
    W = Dense(np.eye(4))
    with pytest.raises(UsageError, match="no matrix 'V'"):
        Recurrent(Elman(), Dense(np.zeros((4, 2))), np.zeros(4), W=W, regularizers=[WeightDecay(1, "V")])
