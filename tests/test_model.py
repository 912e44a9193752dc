"""Models: names, shapes and dtypes of everything; what dropout, depth, state and casts mean."""

from types import SimpleNamespace

import numpy as np
import pytest

from minirnn import catalog
from minirnn.config import OptimizerOptions
from minirnn.errors import UsageError
from minirnn.layers import Embedding
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import irnn, lstm, network, rnn, sparse_rnn, urnn_exp
from minirnn.optimizers import SGD, Adam, ClipNorm, Geodesic, Optimizer, RMSprop
from minirnn.rows import Rows
from minirnn.updates import make_optimizer

ZOO = catalog.components("models")
every_model = pytest.mark.parametrize("build", ZOO.values(), ids=ZOO.keys())
INPUTS = {"features": {}, "one-hot": {"symbols": True}, "embedding": {"symbols": True, "embedding_size": 2}}
every_input = pytest.mark.parametrize("options", INPUTS.values(), ids=INPUTS.keys())
LOSS = SoftmaxCrossEntropy()
SINGLE = {"f": np.dtype(np.float32), "c": np.dtype(np.complex64)}
DOUBLE = {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}


def make(build=rnn, seed=0, **options):
    return build(3, 4, 5, rng=np.random.default_rng(seed), **{"dtype": np.float64, **options})


def data(options, T=6, B=2, dtype=np.float64, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (T, B)) if options.get("symbols") else rng.standard_normal((T, B, 3)).astype(dtype)
    return x, SimpleNamespace(y=rng.integers(0, 4, (T, B)), mask=None)


def gradients(model, x, batch, **options):
    y, _, tape = model.forward(x, **options)
    value, cache = LOSS.forward(y, batch)
    return value, model.backward(LOSS.backward(cache), tape)


def along_manifolds(model, rule):
    """Groups that give everything to `rule` but what lives on a manifold, where a straight line is refused."""
    return [*((path, Geodesic(0.01)) for path in model.manifold), ("*", rule)]


def complex_ones(model):
    return {name for name, x in {**model.params, **model.buffers}.items() if x.dtype.kind == "c"}


# ---- names


def test_parameters_are_named_by_their_paths():
    assert set(make(lstm, symbols=True, embedding_size=2, layers=2).params) == {
        "embedding.E", "rnn.0.U", "rnn.0.W", "rnn.0.b", "rnn.1.U", "rnn.1.W", "rnn.1.b", "readout.W", "readout.b",
    }
    assert set(make(urnn_exp).params) == {"rnn.0.U", "rnn.0.W.A", "rnn.0.b", "readout.W", "readout.b"}


def test_buffers_are_not_parameters():
    model = make(symbols=True)
    assert set(model.buffers) == {"encoder.ones"}
    assert not set(model.buffers) & set(model.params)


def test_params_are_the_arrays_themselves():
    model = make()
    model.params["readout.b"][...] = 7
    y, _, _ = model.forward(np.zeros((1, 1, 3)))
    assert (model.params["readout.b"] == 7).all()
    assert np.abs(y - 7).max() < 3


def test_size_counts_the_trained_numbers():
    assert make(rnn).size == 5 * 3 + 5 * 5 + 5 + 4 * 5 + 4


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


# ---- shapes and dtypes


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


# ---- what the pieces mean


@every_model
def test_the_generator_alone_decides_the_initial_weights(build):
    a, b, c = (make(build, seed=seed).params for seed in (1, 1, 2))
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)
    assert any((a[name] != c[name]).any() for name in a)


@every_input
def test_evaluation_is_deterministic_and_ignores_dropout(options):
    x, _ = data(options)
    plain, dropping = make(dropout=0.0, **options), make(dropout=0.5, **options)
    y, again = dropping.forward(x)[0], dropping.forward(x)[0]
    np.testing.assert_array_equal(y, again)
    np.testing.assert_array_equal(y, plain.forward(x)[0])


def test_dropout_is_drawn_from_the_given_generator_alone():
    model, (x, _) = make(dropout=0.5), data({})
    a, b, c = (model.forward(x, rng=np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_gradients_with_dropout_are_those_of_the_drawn_network():
    model, (x, batch) = make(dropout=0.4, layers=2), data({})

    def value():
        return gradients(model, x, batch, rng=np.random.default_rng(3))

    _, grads = value()
    for name, p in model.params.items():
        index = tuple(s // 2 for s in p.shape)
        kept = p[index]
        losses = []
        for h in (1e-6, -1e-6):
            p[index] = kept + h
            losses.append(value()[0])
        p[index] = kept
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(grads[name][index], abs=1e-8), name


def test_the_readout_of_the_last_steps_is_the_end_of_the_readout_of_all():
    model, (x, _) = make(layers=2), data({})
    np.testing.assert_array_equal(model.forward(x, read=2)[0], model.forward(x)[0][-2:])


@pytest.mark.parametrize("build", [rnn, lstm, urnn_exp, irnn, network])
def test_a_carried_state_continues_the_sequence(build):
    model, (x, _) = make(build, layers=2), data({}, T=20)
    whole, last, _ = model.forward(x)
    first, state, _ = model.forward(x[:13])
    second, end, _ = model.forward(x[13:], state)
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-12, atol=1e-13)
    for a, b in zip(last, end, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_a_stack_feeds_the_states_of_one_layer_to_the_next():
    model, (x, _) = make(layers=3), data({})
    X = x
    for layer in model.layers:
        X, _, _ = layer.forward(X)
    np.testing.assert_array_equal(model.forward(x)[0], model.readout.forward(X)[0])
    assert [layer.U.matrix()[0].shape for layer in model.layers] == [(5, 3), (5, 5), (5, 5)]


def test_evaluation_without_a_tape_gives_the_same_prediction():
    model, (x, _) = make(lstm, layers=2), data({})
    np.testing.assert_array_equal(model.forward(x, keep=False)[0], model.forward(x)[0])


@pytest.mark.parametrize("build", [rnn, lstm])
@pytest.mark.parametrize("read", [None, 2])
def test_input_gradient_is_the_finite_difference_of_the_loss(build, read):
    model, (x, batch) = make(build, layers=2), data({})
    batch.y = batch.y if read is None else batch.y[-read:]

    def value():
        return LOSS.forward(model.forward(x, read=read)[0], batch)[0]

    y, _, tape = model.forward(x, read=read)
    dx = model.input_gradient(LOSS.backward(LOSS.forward(y, batch)[1]), tape)
    assert dx.shape == x.shape
    numeric = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept = x[index]
        losses = []
        for h in (1e-5, -1e-5):
            x[index] = kept + h
            losses.append(value())
        x[index] = kept
        numeric[index] = (losses[0] - losses[1]) / 2e-5
    assert np.max(np.abs(dx - numeric)) <= 1e-7 * np.max(np.abs(dx))


@pytest.mark.parametrize("options", [INPUTS["one-hot"], INPUTS["embedding"]], ids=["one-hot", "embedding"])
def test_input_gradient_of_symbols_is_that_of_their_vectors(options):
    """The embedding's gradient is the sum of the input gradient over the places of each symbol."""
    model, (x, batch) = make(**options), data(options)
    y, _, tape = model.forward(x)
    dy = LOSS.backward(LOSS.forward(y, batch)[1])
    dx = model.input_gradient(dy, tape)
    assert dx.shape == (*x.shape, 2 if isinstance(model.encoder, Embedding) else 3)
    if isinstance(model.encoder, Embedding):
        dE = model.backward(dy, tape)["embedding.E"].dense(model.params["embedding.E"])
        np.testing.assert_allclose(dE, [dx[x == s].sum(0) for s in range(3)], rtol=1e-12, atol=1e-15)


def test_backward_does_not_change_the_model_or_the_tape():
    model, (x, batch) = make(lstm, layers=2), data({})
    before = {name: p.copy() for name, p in model.params.items()}
    y, _, tape = model.forward(x)
    dy = LOSS.backward(LOSS.forward(y, batch)[1])
    first, second = model.backward(dy, tape), model.backward(dy, tape)
    for name, p in model.params.items():
        np.testing.assert_array_equal(p, before[name])
        np.testing.assert_array_equal(first[name], second[name])


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


# ---- sizes and kinds


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


@pytest.mark.parametrize("parametrization", ["unitary", "unitary-product"])
def test_a_complex_matrix_in_a_free_composition_asks_for_a_complex_activation(parametrization):
    model = make(network, parametrization=parametrization, activation="modrelu")
    assert {"rnn.0.U"} <= complex_ones(model)
    with pytest.raises(UsageError, match="Tanh is not defined for complex numbers; modrelu and identity are"):
        make(network, parametrization=parametrization)
    with pytest.raises(UsageError, match="LSTM is not defined for complex matrices; Elman with modrelu is"):
        make(network, parametrization=parametrization, cell="lstm")
