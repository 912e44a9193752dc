"""The diagnostics of gradients on the fake device: the answers of the host, and nothing refused."""

import numpy as np
import pytest
from strict_array import StrictArray, StrictDevice

from minirnn import catalog, models
from minirnn.diagnostics.bounds import Bounds
from minirnn.diagnostics.dead_units import DeadUnits
from minirnn.diagnostics.gradient_flow import GradientFlow, jacobian_norms
from minirnn.diagnostics.loss_gradient import LossGradient
from minirnn.diagnostics.spectrum import Spectrum
from minirnn.diagnostics.subject import Subject
from minirnn.errors import UsageError
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.tasks.base import Batch

EXACT, PROBED = GradientFlow(examples=2), GradientFlow(examples=2, probes=2)
ASKED = [EXACT, PROBED, Bounds(), LossGradient(), Spectrum(), DeadUnits()]
MASK = np.array([[1, 1, 0], [1, 0, 0]])


def subject(build, device=None, **options):
    model = build(2, 3, 4, rng=np.random.default_rng(0), layers=2, symbols=True, **options)
    rng = np.random.default_rng(1)
    batch = Batch(rng.integers(0, 2, (5, 3)), rng.integers(0, 3, (2, 3)), MASK)
    if device is not None:
        model.to(device)
        batch = batch.map(device.asarray)
    return Subject(model, 1, SoftmaxCrossEntropy(), batch, None, 0)


def answer(diagnostic, asked):
    try:
        return diagnostic.measure(asked)
    except UsageError as error:
        return str(error)


@pytest.mark.parametrize("build", catalog.components("models").values(), ids=catalog.components("models").keys())
@pytest.mark.parametrize("diagnostic", ASKED, ids=lambda d: type(d).__name__)
def test_a_network_on_a_device_is_measured_as_on_the_host(build, diagnostic):
    on_device = subject(build, StrictDevice())
    found, wanted = answer(diagnostic, on_device), answer(diagnostic, subject(build))
    assert found == wanted
    assert all(isinstance(x, StrictArray) for x in on_device.model.params.values())


def test_the_jacobian_norms_of_a_device_stay_there():
    device = StrictDevice()
    asked = subject(models.lstm, device)
    X, before = asked.X, device.transfers
    norms = jacobian_norms(asked.layer, X)
    assert isinstance(norms, StrictArray)
    assert device.transfers == before
