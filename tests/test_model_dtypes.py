"""The numbers of a model: real or complex, single or double, and so they stay through training, gradients and casts."""

import numpy as np
import pytest
from small_models import LOSS, along_manifolds, data, every_input, every_model, gradients, make

from minirnn.errors import UsageError
from minirnn.models import network
from minirnn.optimizers import SGD, Adam, ClipNorm, Optimizer, RMSprop
from minirnn.rows import Rows

SINGLE = {"f": np.dtype(np.float32), "c": np.dtype(np.complex64)}
DOUBLE = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}


def complex_ones(model):
    return {name for name, x in {**model.params, **model.buffers}.items() if x.dtype.kind == "c"}


@every_model
@every_input
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_keys_shapes_and_dtypes_of_the_parameters(build, options, dtype):
    model = make(build, layers=2, dtype=dtype, **options)
    x, batch = data(options, dtype=dtype)
    _, grads = gradients(model, x, batch)
    assert set(grads) == set(model.params)
    for name, p in model.params.items():
        g = grads[name].dense(p) if isinstance(grads[name], Rows) else grads[name]
        assert (g.shape, g.dtype) == (p.shape, p.dtype), name
        assert not isinstance(grads[name], Rows) or grads[name].values.dtype == dtype


@every_model
@every_input
@pytest.mark.parametrize("rule_class", [SGD, RMSprop, Adam])
def test_single_precision_stays_single_from_the_input_to_the_second_step(build, options, rule_class):
    rule = rule_class(0.01)
    model = make(build, layers=2, dropout=0.3, dtype=np.float32, **options)
    x, batch = data(options, dtype=np.float32)
    optimizer = Optimizer(model.params, along_manifolds(model, rule), model.manifold, [ClipNorm(1.0)])
    state, kinds = None, complex_ones(model)
    for _ in range(2):
        y, state, tape = model.forward(x, state, np.random.default_rng(0))
        value, cache = LOSS.forward(y, batch)
        optimizer.step(model.params, model.backward(LOSS.backward(cache), tape))
        model.after_update()
        buffers = [x for x in model.buffers.values() if x.dtype.kind != "i"]
        found = [*(s for layer in state for s in layer), *model.params.values(), *buffers]
        assert {y.dtype, value.dtype} == {SINGLE["f"]}
        assert all(a.dtype == SINGLE[a.dtype.kind] for a in found)
        assert complex_ones(model) == kinds
    assert {a.dtype for slots in rule.memory.values() for a in slots.values()} <= {SINGLE["f"]}


@every_model
def test_a_model_trains_in_single_precision_unless_told_otherwise(build):
    model = build(3, 4, 5, rng=np.random.default_rng(0))
    assert all(x.dtype == SINGLE[x.dtype.kind] for x in model.params.values())
    assert all(x.dtype == SINGLE[x.dtype.kind] for x in model.buffers.values() if x.dtype.kind != "i")


@every_model
@every_input
def test_single_precision_gradients_are_close_to_double(build, options):
    double, single = make(build, **options), make(build, dtype=np.float32, **options)
    x, batch = data(options)
    _, wanted = gradients(double, x, batch)
    _, found = gradients(single, x if options else x.astype(np.float32), batch)
    for name, p in double.params.items():
        a, b = (g[name].dense(q) if isinstance(g[name], Rows) else g[name] for g, q in (
            (wanted, p), (found, single.params[name])
        ))
        assert np.max(np.abs(a - b)) <= 1e-5 * max(np.max(np.abs(a)), 1e-2), name


@pytest.mark.parametrize("parametrization", ["unitary", "unitary-product"])
def test_a_complex_matrix_in_a_free_composition_asks_for_a_complex_activation(parametrization):
    model = make(network, parametrization=parametrization, activation="modrelu")
    assert {"rnn.0.U"} <= complex_ones(model)
    with pytest.raises(UsageError, match="Tanh is not defined for complex numbers; modrelu and identity are"):
        make(network, parametrization=parametrization)
    with pytest.raises(UsageError, match="LSTM is not defined for complex matrices; Elman with modrelu is"):
        make(network, parametrization=parametrization, cell="lstm")


# ---- casts and maps


def test_astype_casts_real_parameters_and_buffers_and_returns_the_model():
    model = make(symbols=True)
    assert model.astype(np.float32) is model
    assert {x.dtype for x in (*model.params.values(), *model.buffers.values())} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("real", "wanted"), [(np.float32, np.complex64), (np.float64, np.complex128)])
def test_astype_takes_complex_parameters_to_the_same_precision(real, wanted):
    model = make()
    model.readout.params["W"] = model.readout.params["W"] + 0j
    assert model.astype(real).params["readout.W"].dtype == wanted


def test_astype_leaves_integers_alone():
    model = make()
    model.readout.buffers["ids"] = np.arange(3)
    assert model.astype(np.float32).buffers["readout.ids"].dtype == np.arange(3).dtype


@every_model
@pytest.mark.parametrize(("real", "wanted"), [(np.float32, SINGLE), (np.float64, DOUBLE)])
def test_astype_casts_numbers_and_leaves_indices(build, real, wanted):
    model = make(build, symbols=True, layers=2)
    indices = {name: (x.dtype, x.tobytes()) for name, x in model.buffers.items() if x.dtype.kind == "i"}
    model.astype(real)
    for name, x in {**model.params, **model.buffers}.items():
        if name in indices:
            assert (x.dtype, x.tobytes()) == indices[name]
        else:
            assert x.dtype == wanted[x.dtype.kind], name


def test_map_replaces_every_parameter_and_buffer():
    model = make(symbols=True).map(lambda x: 0 * x)
    assert not any(x.any() for x in (*model.params.values(), *model.buffers.values()))
