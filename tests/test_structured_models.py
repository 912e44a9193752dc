"""The published systems with structured or normalised matrices: gradients of every variant, and their promises."""

from functools import partial

import numpy as np
import pytest

from minirnn import gradcheck, problems
from minirnn.errors import UsageError
from minirnn.linalg import orthogonality_error
from minirnn.models import dizzy_rnn, sparse_rnn, spectrally_normalised_rnn
from minirnn.parametrizations import Dense, Givens

VARIANTS = [
    partial(dizzy_rnn, singular_values=True, penalty=0.3),
    partial(dizzy_rnn, free=True),
    partial(spectrally_normalised_rnn, norm="radius"),
    *(partial(sparse_rnn, cell=c, structure=s, blocks=2)
      for c, s in (("elman", "diagonal"), ("gru", "block"), ("lstm", "shuffle"))),
]


def label(build):
    return "-".join([build.func.__name__, *map(str, build.keywords.values())])


@pytest.mark.parametrize("build", VARIANTS, ids=label)
def test_every_variant_has_the_right_gradient(build):
    rng = np.random.default_rng(1)
    for _, problem in problems.of("models", build, 4, rng):
        assert all(row.passed for row in gradcheck.check(problem, rng=rng))


def test_dizzy_turns_with_packed_rotations_wherever_the_matrix_is_square():
    model = dizzy_rnn(3, 4, 6, rng=np.random.default_rng(0), rotations=3, layers=2)
    bottom, top = model.layers
    assert isinstance(bottom.U, Dense)
    assert isinstance(top.U, Givens)
    for p in (bottom.matrices["W"], top.U, top.matrices["W"]):
        assert p.params["theta"].shape == (3, 3)
        assert orthogonality_error(p.matrix()[0]) < 1e-6            # float32


def test_dizzy_takes_the_whole_tournament_if_more_rotations_are_asked_for():
    theta = dizzy_rnn(3, 4, 5, rng=np.random.default_rng(0), rotations=50).params["rnn.0.W.theta"]
    assert theta.shape == (5, 2)


def test_free_dizzy_starts_at_the_same_product_and_may_leave_it():
    tied, free = (dizzy_rnn(3, 4, 6, rng=np.random.default_rng(0), free=free) for free in (False, True))
    np.testing.assert_allclose(free.params["rnn.0.W"], tied.layers[0].matrices["W"].matrix()[0], atol=1e-6)    # float32
    assert {name for name in free.params if name != "rnn.0.W"} == set(tied.params) - {"rnn.0.W.theta"}
    with pytest.raises(UsageError, match="give one of them"):
        dizzy_rnn(3, 4, 6, rng=np.random.default_rng(0), free=True, singular_values=True)


@pytest.mark.parametrize("norm", ["sigma", "radius"])
def test_a_normalised_network_stays_normalised_after_updates(norm):
    model = spectrally_normalised_rnn(3, 4, 6, rng=np.random.default_rng(0), norm=norm, dtype=np.float64)
    rng = np.random.default_rng(2)
    for _ in range(300):
        model.params["rnn.0.W.M"][...] += 1e-3 * rng.standard_normal((6, 6))
        model.after_update()
    W, _ = model.layers[0].matrices["W"].matrix()
    size = np.linalg.norm(W, 2) if norm == "sigma" else np.max(np.abs(np.linalg.eigvals(W)))
    assert size == pytest.approx(1, abs=1e-4)


def test_a_sparse_network_holds_a_fraction_of_the_recurrent_weights():
    sizes = {
        s: sparse_rnn(3, 4, 16, rng=np.random.default_rng(0), structure=s, blocks=4).params["rnn.0.W"].size
        for s in ("diagonal", "block", "shuffle")
    }
    assert sizes == {"diagonal": 4 * 16, "block": 4 * 16 * 16 // 4, "shuffle": 4 * 16 * 16 // 4}


@pytest.mark.parametrize(("build", "sentence"), [
    (partial(sparse_rnn, structure="blok"), "no structure 'blok'; did you mean 'block'"),
    (partial(sparse_rnn, cell="rnn"), "no cell 'rnn'; choose one of: elman, gru, lstm"),
    (partial(sparse_rnn, blocks=5), "5 blocks do not divide 16 units"),
    (partial(spectrally_normalised_rnn, norm="sigam"), "did you mean 'sigma'"),
], ids=lambda x: x if isinstance(x, str) else label(x))
def test_a_wrong_choice_is_named(build, sentence):
    with pytest.raises(UsageError, match=sentence):
        build(3, 4, 16, rng=np.random.default_rng(0))
