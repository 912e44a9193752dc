"""‖∂L/∂h_t‖ against differences of the loss when h_t is moved."""

import json

import numpy as np
import pytest

from minirnn import models
from minirnn.diagnostics.double import in_double
from minirnn.diagnostics.gradient_flow import GradientFlow
from minirnn.diagnostics.loss_gradient import LossGradient
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.losses import MeanSquaredError, SoftmaxCrossEntropy
from minirnn.tasks.base import Batch

n, T, B, K = 5, 7, 3, 4
RAGGED = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [1, 1, 0]])


def subject(build, index=0, mask=None, loss=None, read=K, symbols=False, **options):
    model = build(2, 3, n, rng=np.random.default_rng(0), symbols=symbols, **options)
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (T, B)) if symbols else rng.standard_normal((T, B, 2)).astype(np.float32)
    y = rng.standard_normal((read, B, 3)).astype(np.float32) if loss else rng.integers(0, 3, (read, B))
    return Subject(model, index, loss or SoftmaxCrossEntropy(), Batch(x, y, mask), None, 0)


def first_input(layer, X, k):
    return layer.project(X[:1, k : k + 1], layer.affine(layer.U.matrix()[0]))


def losses(asked, X, t, state, k):
    """(L_k, its last term) of sequence k when `state` is that of the layer at t: everything after t is run again."""
    model, batch, index = asked.model, asked.batch, asked.index
    assert index == 0
    start = model.layers[0].initial_state(1, first_input(model.layers[0], X, k))
    H, _, _ = model.layers[0].forward(X[t:, k : k + 1], state)
    before = model.layers[0].forward(X[:t, k : k + 1], start)[0] if t else H[:0]
    before = np.concatenate([before[:-1], state[0][None]]) if t else before      # h_t itself is the one that is moved
    H = np.concatenate([before, H])
    for layer in model.layers[1:]:
        H, _, _ = layer.forward(H)
    K = len(batch.y)
    y, _ = model.readout.forward(H[-K:])
    one = batch.map(lambda x: x[:, k : k + 1])
    last = one.map(lambda x: x[-1:])
    return asked.loss.forward(y, one)[0], asked.loss.forward(y[-1:], last)[0]


def by_differences(asked, t, k, step=1e-6):
    """The two gradients by h_t, as norms."""
    layer, X = asked.layer, asked.X
    A = first_input(layer, X, k)
    state = layer.initial_state(1, A)
    if t:
        _, state, _ = layer.forward(X[:t, k : k + 1], state)
    found = []
    for d in (1, 1j) if A.dtype.kind == "c" else (1,):
        for j in range(n):
            ends = []
            for sign in (1, -1):
                moved = tuple(s.copy() for s in state)
                moved[0][0, j] += sign * step * d
                ends.append(np.array(losses(asked, X, t, moved, k)))
            found.append((ends[0] - ends[1]) / (2 * step))
    return np.linalg.norm(np.stack(found), axis=0)


CASES = {
    "rnn": (models.rnn, {}), "lstm": (models.lstm, {}), "gru": (models.gru, {}), "urnn": (models.urnn, {}),
    "two layers": (models.lstm, {"layers": 2}), "mean squared error": (models.rnn, {"loss": MeanSquaredError()}),
    "masked": (models.rnn, {"mask": RAGGED[:, [0, 1, 1]]}), "last step only": (models.gru, {"read": 1}),
}


@pytest.mark.parametrize("label", CASES)
def test_it_is_that_of_differences_when_h_t_is_moved(label):
    build, options = CASES[label]
    asked = subject(build, **options)
    found, exact = LossGradient().measure(asked), in_double(asked)
    assert found["t"] == list(range(T + 1))
    for t in range(T + 1):
        wanted = np.stack([by_differences(exact, t, k) for k in range(B)])      # (B, 2)
        for column, prefix in enumerate(("", "last_")):
            norms = wanted[:, column]
            assert found[f"{prefix}min"][t] == pytest.approx(norms.min(), rel=1e-6, abs=1e-9)
            assert found[f"{prefix}max"][t] == pytest.approx(norms.max(), rel=1e-6, abs=1e-9)
            assert found[f"{prefix}mean"][t] == pytest.approx(np.exp(np.log(norms).mean()), rel=1e-6, abs=1e-9)


def test_the_upper_layer_is_measured_without_the_lower_one():
    asked = subject(models.rnn, index=1, layers=2)
    found = LossGradient().measure(asked)
    alone = in_double(asked)
    alone.model.layers = alone.model.layers[1:]
    alone = Subject(alone.model, 0, asked.loss, Batch(asked.X.astype(float), asked.batch.y), None, 0)
    assert found["mean"] == pytest.approx(LossGradient().measure(alone)["mean"], rel=1e-4)


def test_where_only_the_last_step_is_read_both_losses_are_one():
    found = LossGradient().measure(subject(models.gru, read=1, symbols=True, embedding_size=3))
    assert [found["last_mean"], found["last_min"], found["last_max"]] == [found["mean"], found["min"], found["max"]]


def test_the_size_of_the_batch_does_not_matter():
    asked = subject(models.rnn)
    twice = asked.batch.map(lambda x: np.concatenate([x, x], axis=1))
    found, doubled = (
        LossGradient().measure(Subject(asked.model, 0, asked.loss, b, None, 0)) for b in (asked.batch, twice)
    )
    assert (found["examples"], doubled["examples"]) == (B, 2 * B)
    for name in ("mean", "min", "max", "last_mean"):
        assert doubled[name] == pytest.approx(found[name], rel=1e-12)


def test_an_orthogonal_network_keeps_the_gradient_of_the_last_step():
    found = LossGradient().measure(subject(models.urnn_exp, activation="abs"))
    assert found["last_mean"] == pytest.approx([found["last_mean"][-1]] * (T + 1), rel=1e-10)
    assert found["last_spread"] == pytest.approx(1, rel=1e-10)


def test_the_spread_is_how_far_the_last_steps_norms_are_apart():
    found = LossGradient().measure(subject(models.rnn))
    assert found["last_spread"] == pytest.approx(max(found["last_mean"]) / min(found["last_mean"]))
    assert found["last_spread"] > 2


def test_no_gradient_is_amplified_by_more_than_the_jacobian():
    asked = subject(models.rnn)
    found, flow = LossGradient().measure(asked), GradientFlow().measure(asked)
    assert np.all(np.array(found["last_max"]) <= np.array(flow["two_max"]) * found["last_max"][-1] * (1 + 1e-9))


def test_sequences_that_are_asked_nothing_are_left_out():
    found = LossGradient().measure(subject(models.rnn, mask=RAGGED))
    assert found["examples"] == 2
    assert found["min"][0] > 0


def test_a_last_step_that_is_masked_everywhere_has_no_curve_of_its_own():
    mask = RAGGED.copy()
    mask[-1] = 0
    found = LossGradient().measure(subject(models.rnn, mask=mask))
    assert "last_mean" not in found
    assert found["max"][0] > 0


def test_a_batch_that_asks_nothing_is_refused():
    with pytest.raises(UsageError, match="asks nothing of its first 3 sequences"):
        LossGradient().measure(subject(models.rnn, mask=0 * RAGGED))


def test_no_example_is_refused():
    with pytest.raises(UsageError, match="at least one example"):
        LossGradient(examples=0)


def test_it_can_be_written_down_as_json_and_leaves_the_model_as_it_was():
    asked = subject(models.lstm, layers=2)
    before = {name: x.tobytes() for name, x in asked.model.params.items()}
    json.dumps(LossGradient().measure(asked))
    assert {name: x.tobytes() for name, x in asked.model.params.items()} == before
