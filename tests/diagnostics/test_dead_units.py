"""Dead and saturated units against networks in which they are put on purpose."""

import json

import numpy as np
import pytest

from minirnn import models
from minirnn.diagnostics.dead_units import DeadUnits
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.tasks.base import Batch

n, T, B = 6, 8, 5


def subject(build=models.rnn, index=0, **options):
    model = build(2, 3, n, rng=np.random.default_rng(0), **options)
    rng = np.random.default_rng(1)
    batch = Batch(rng.standard_normal((T, B, 2)).astype(np.float32), rng.integers(0, 3, (1, B)))
    return Subject(model, index, SoftmaxCrossEntropy(), batch, None, 0)


def pre_activations(asked):
    layer = asked.layer
    H = np.concatenate([np.zeros_like(asked.X[:1, :, :1]) * np.zeros(n), layer.forward(asked.X)[0]])
    return layer.project(asked.X, layer.affine(layer.U.matrix()[0])) + H[:-1] @ layer.matrices["W"].matrix()[0].T


def test_relu_units_with_a_very_negative_bias_are_dead_and_no_others():
    asked = subject(activation="relu")
    b = asked.model.params["rnn.0.b"]
    b[:] = 100
    b[[1, 4]] = -1e6
    found = DeadUnits().measure(asked)
    assert found == {"dead": pytest.approx(2 / 6), "units": [1, 4], "saturated": pytest.approx(2 / 6)}


def test_a_unit_that_is_on_once_is_not_dead():
    asked = subject(activation="relu")
    z = pre_activations(asked)
    found = DeadUnits().measure(asked)
    assert found["units"] == np.flatnonzero((z <= 0).all(axis=(0, 1))).tolist()
    assert found["saturated"] == pytest.approx((z <= 0).mean())
    assert 0 < found["saturated"] < 1


def test_tanh_units_saturate_and_never_die():
    asked = subject(activation="tanh")
    asked.model.params["rnn.0.b"][:] = [0, 0, 0, 6, 6, -6]
    z = pre_activations(asked)
    found = DeadUnits().measure(asked)
    assert found["units"] == []
    assert found["saturated"] == pytest.approx((1 - np.tanh(z.astype(float)) ** 2 <= 0.01).mean())
    assert found["saturated"] > 0.3


@pytest.mark.parametrize("activation", ["identity", "abs", "leaky-relu", "oplu", "prelu"])
def test_activations_with_a_slope_everywhere_have_no_dead_units(activation):
    assert DeadUnits().measure(subject(activation=activation)) == {"dead": 0, "units": [], "saturated": 0}


def test_the_threshold_of_saturation_is_an_option():
    asked = subject(activation="leaky-relu")
    z = pre_activations(asked)
    assert DeadUnits(least=0.5).measure(asked)["saturated"] == pytest.approx((z <= 0).mean())


def test_a_complex_modrelu_unit_is_dead_if_its_bias_swallows_every_modulus():
    asked = subject(models.urnn)
    b = asked.model.params["rnn.0.activation.b"]
    b[:] = 0.1
    b[2] = -1e6
    assert DeadUnits().measure(asked)["units"] == [2]


@pytest.mark.parametrize("build", [models.lstm, models.gru], ids=["lstm", "gru"])
def test_closed_gates_count_as_saturated_and_their_units_live_on(build):
    asked = subject(build)
    before = DeadUnits().measure(asked)
    asked.model.params["rnn.0.b"][:n] = 40.0                        # the input gate, the update gate: fully open
    after = DeadUnits().measure(asked)
    assert before["units"] == after["units"] == []
    assert after["saturated"] > before["saturated"]


def test_more_examples_may_wake_a_unit_up():
    asked = subject(activation="relu")
    dead = [set(DeadUnits(examples=k).measure(asked)["units"]) for k in (1, 5)]
    assert dead[1] <= dead[0]


@pytest.mark.parametrize(("option", "value"), [("examples", 0), ("least", -1.0), ("least", float("nan"))])
def test_options_without_meaning_are_refused(option, value):
    with pytest.raises(UsageError, match=rf"{option.rstrip('s')}.*\(got {value}\)"):
        DeadUnits(**{option: value})


def test_it_can_be_written_down_as_json():
    json.dumps(DeadUnits().measure(subject(models.gru, index=1, layers=2)))
