"""Every published system: its groups reach every parameter, it learns, and it runs at any hidden size."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_models import ZOO, along_manifolds, data, every_input, every_model, gradients, make

from minirnn.config import OptimizerOptions
from minirnn.models import sparse_rnn
from minirnn.optimizers import Adam, Optimizer
from minirnn.updates import make_optimizer


@every_model
def test_the_last_group_of_a_published_system_matches_everything_at_the_runs_rate(build):
    last = make(build).groups[-1]                                   # its rule may be the paper's own
    assert (last.pattern, last.lr_scale) == ("*", 1.0)


@every_model
@every_input
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_published_system_trains_with_its_own_groups(build, options, rule):
    model = make(build, layers=2, **options)
    optimizer = make_optimizer(SimpleNamespace(optimizer=OptimizerOptions(rule, 0.01)), model)
    before = {name: p.copy() for name, p in model.params.items()}
    optimizer.step(model.params, gradients(model, *data(options))[1])
    model.after_update()
    assert set(optimizer.rules) == set(model.params)
    assert all(np.isfinite(p).all() for p in model.params.values())
    assert all((p != before[name]).any() for name, p in model.params.items())


def test_a_groups_pattern_names_parameters_that_exist():
    from fnmatch import fnmatchcase

    for name, build in ZOO.items():
        model = make(build)
        for group in model.groups:
            assert any(fnmatchcase(path, group.pattern) for path in model.params), f"{name}: {group.pattern}"


@every_model
def test_training_lowers_the_loss_on_one_batch(build):
    model, options = make(build), {}
    x, batch = data(options)
    optimizer = Optimizer(model.params, along_manifolds(model, Adam(0.01)), model.manifold)
    first, _ = gradients(model, x, batch)
    for _ in range(30):
        optimizer.step(model.params, gradients(model, x, batch)[1])
        model.after_update()
    assert gradients(model, x, batch)[0] < 0.8 * first


@every_model
@pytest.mark.parametrize("hidden_size", [2, 3, 7, 8])
def test_every_published_system_runs_at_any_hidden_size(build, hidden_size):
    model = build(3, 4, hidden_size, rng=np.random.default_rng(0), layers=2)
    value, grads = gradients(model, *data({}, dtype=np.float32))
    assert np.isfinite(value)
    assert set(grads) == set(model.params)


@pytest.mark.parametrize(("hidden_size", "blocks"), [(5, 1), (6, 3), (10, 2), (12, 4), (128, 4)])
def test_a_sparse_network_has_the_most_blocks_up_to_four_that_fit(hidden_size, blocks):
    W = sparse_rnn(3, 4, hidden_size, rng=np.random.default_rng(0)).params["rnn.0.W"]
    assert W.shape == (4, blocks, hidden_size // blocks, hidden_size // blocks)
