"""Parity with torch: live where torch is installed, and everywhere with numbers that torch computed once."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
from make_torch_fixtures import CASES, FIXTURE, parity, weights

from minirnn import catalog
from minirnn.cells import LSTM, Elman
from minirnn.layers import Linear, Recurrent
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.model import Model
from minirnn.optimizers import SGD, Adam, ClipNorm, RMSprop
from minirnn.parametrizations import Dense

LIMIT = 1e-12                   # float64; what differs is the order of summation


def oracle(test):
    missing = importlib.util.find_spec("torch") is None
    reason = "torch is not installed: pip install 'minirnn[oracle]'"
    return pytest.mark.oracle(pytest.mark.skipif(missing, reason=reason)(test))


def ours(case, p):
    """Loss and gradients of the same network in minirnn, under torch's names."""
    cell = LSTM() if case == "lstm" else Elman(catalog.find("activations", case)())
    layer = Recurrent(cell, Dense(p["U"]), p["b"], W=Dense(p["W"]))
    model = Model(None, [layer], Linear(p["readout.W"], p["readout.b"]), dtype=np.float64)
    state = (tuple(p[name] for name in ("h0", "c0")[: cell.states]),)
    y, _, tape = model.forward(p["x"], state)
    loss = SoftmaxCrossEntropy()
    value, cache = loss.forward(y, SimpleNamespace(y=p["y"], mask=None))
    dy = loss.backward(cache)
    grads = {f"grad/{name.removeprefix('rnn.0.')}": g for name, g in model.backward(dy, tape).items()}
    return {"loss": value, **grads, "grad/x": model.input_gradient(dy, tape)}


def assert_parity(found, wanted):
    assert set(found) == set(wanted)
    for name, a in wanted.items():
        error = np.max(np.abs(found[name] - a)) / np.max(np.abs(a))
        assert error <= LIMIT, f"{name}: relative error {error:.1e}"


@pytest.mark.parametrize("case", CASES)
def test_networks_equal_the_numbers_recorded_from_torch(case):
    with np.load(FIXTURE, allow_pickle=False) as fixture:
        recorded = {name.removeprefix(f"{case}/"): fixture[name] for name in fixture.files if name.startswith(case)}
    wanted = {name: a for name, a in recorded.items() if name == "loss" or name.startswith("grad/")}
    assert_parity(ours(case, recorded), wanted)


def test_the_recorded_weights_are_those_the_script_draws():
    with np.load(FIXTURE, allow_pickle=False) as fixture:
        for case in CASES:
            for name, a in weights(case).items():
                np.testing.assert_array_equal(fixture[f"{case}/{name}"], a)


def test_the_fixture_is_small():
    assert FIXTURE.stat().st_size < 100_000


@oracle
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(1, 4))
def test_networks_equal_torchs(case, seed):
    arrays = weights(case, seed)
    assert_parity(ours(case, arrays), parity(case, arrays))


RULES = {
    "sgd": (SGD(0.1), "SGD", {"lr": 0.1}),
    "momentum": (SGD(0.1, 0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "rmsprop": (RMSprop(0.01, 0.95), "RMSprop", {"lr": 0.01, "alpha": 0.95}),
    "adam": (Adam(0.01), "Adam", {"lr": 0.01}),
    "adam, other betas": (Adam(0.01, 0.8, 0.99, 1e-6), "Adam", {"lr": 0.01, "betas": (0.8, 0.99), "eps": 1e-6}),
}


@oracle
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("name", RULES)
def test_two_hundred_steps_of_a_rule_equal_torchs(name, dtype):
    import torch

    rule, torch_name, options = RULES[name]
    rng = np.random.default_rng(0)
    x = np.ones((3, 4), dtype)
    theirs = torch.tensor(x.copy(), requires_grad=True)
    optimizer = getattr(torch.optim, torch_name)([theirs], **options)
    for _ in range(200):
        g = rng.standard_normal((3, 4)) * 10.0 ** rng.uniform(-2, 2, (3, 4))
        g = (g + 1j * g[::-1]).astype(dtype) if dtype is np.complex128 else g
        theirs.grad = torch.tensor(g)
        optimizer.step()
        rule.step(f"{name}/{dtype.__name__}", x, g)
    wanted = theirs.detach().numpy()
    assert np.max(np.abs(x - wanted)) <= LIMIT * np.max(np.abs(wanted))


@oracle
@pytest.mark.parametrize("limit", [0.1, 100.0])
def test_clipping_by_norm_equals_torchs(limit):
    import torch

    rng = np.random.default_rng(0)
    grads = {"x": rng.standard_normal((3, 4)), "y": rng.standard_normal(5)}
    theirs = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in grads.values()]
    for tensor, g in zip(theirs, grads.values(), strict=True):
        tensor.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_(theirs, limit)
    for tensor, g in zip(theirs, ClipNorm(limit)(grads).values(), strict=True):
        np.testing.assert_allclose(g, tensor.grad.numpy(), rtol=LIMIT)
