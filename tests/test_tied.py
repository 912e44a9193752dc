"""Tied weights: one table for symbols in and symbols out, whose gradient is the sum of both uses."""

from types import SimpleNamespace

import numpy as np
import pytest
from strict_array import StrictDevice

from minirnn import backend, catalog, gradcheck
from minirnn.errors import UsageError
from minirnn.layers import Embedding
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import lstm, rnn
from minirnn.optimizers import Adam, ClipNorm, Optimizer

LOSS = SoftmaxCrossEntropy()


def tied(build=rnn, dtype=np.float64, **options):
    options = {"symbols": True, "embedding_size": 5, "tied": True, **options}
    return build(6, 6, 5, rng=np.random.default_rng(0), dtype=dtype, **options)


def data():
    rng = np.random.default_rng(1)
    return rng.integers(0, 6, (7, 3)), SimpleNamespace(y=rng.integers(0, 6, (7, 3)), mask=None)


def gradients(model, x, batch):
    y, _, tape = model.forward(x)
    value, cache = LOSS.forward(y, batch)
    return value, model.backward(LOSS.backward(cache), tape)


def test_there_is_one_table_and_no_matrix_of_the_read_out():
    model = tied(layers=2)
    assert set(model.params) == {
        "embedding.E", "rnn.0.U", "rnn.0.W", "rnn.0.b", "rnn.1.U", "rnn.1.W", "rnn.1.b", "readout.b",
    }
    assert model.size == sum(x.size for x in model.params.values())


def test_the_score_of_a_symbol_is_the_product_with_its_own_vector():
    model, (x, _) = tied(), data()
    H, _, _ = model.hidden(x)
    E, b = model.params["embedding.E"], model.params["readout.b"]
    np.testing.assert_allclose(model.forward(x)[0], H @ E.T + b, rtol=1e-13)


def test_the_tables_gradient_is_the_sum_of_both_uses():
    """An untied copy with the same numbers has the two parts apart."""
    one, two = tied(), tied(tied=False)
    for name, p in two.params.items():
        p[...] = one.params["embedding.E" if name == "readout.W" else name]
    _, together = gradients(one, *data())
    _, apart = gradients(two, *data())
    E = one.params["embedding.E"]
    np.testing.assert_allclose(together["embedding.E"], apart["embedding.E"].dense(E) + apart["readout.W"], rtol=1e-13)
    for name in set(one.params) - {"embedding.E"}:
        np.testing.assert_array_equal(together[name], apart[name])


COMPLEX = ("urnn", "full-urnn")


@pytest.mark.parametrize("name", COMPLEX)
def test_a_complex_network_has_no_table_to_share(name):
    with pytest.raises(UsageError, match="tied needs a real network"):
        catalog.find("models", name)(4, 4, 4, rng=np.random.default_rng(0), symbols=True, embedding_size=4, tied=True)


@pytest.mark.parametrize("name", [name for name in catalog.components("models") if name not in COMPLEX])
def test_every_real_model_is_checked_with_tied_weights(name):
    rows = gradcheck.check_component("models", name, catalog.find("models", name))
    shared = [row for row in rows if row.example == "tied"]
    assert "embedding.E" in {row.parameter for row in shared}
    assert all(row.passed for row in shared)


def test_the_table_stays_shared_through_casts_moves_and_updates():
    model, (x, batch) = tied(dtype=np.float32), data()
    optimizer = Optimizer(model.params, [("*", Adam(0.01))], clips=[ClipNorm(1.0)])
    first, _ = gradients(model, x, batch)
    for _ in range(50):
        optimizer.step(model.params, gradients(model, x, batch)[1])
    assert gradients(model, x, batch)[0] < 0.7 * first
    model.astype(np.float64)
    H, _, _ = model.hidden(x)
    E = model.params["embedding.E"]
    assert E.dtype == np.float64
    np.testing.assert_allclose(model.forward(x)[0], H @ E.T + model.params["readout.b"], rtol=1e-12)


def test_a_tied_model_trains_on_a_device_with_the_bits_of_the_host():
    device = StrictDevice()
    results = []
    for place in (None, device):
        model, (x, batch) = tied(lstm, dtype=np.float32), data()
        if place is not None:
            model.to(place)
            x, batch = place.asarray(x), SimpleNamespace(y=place.asarray(batch.y), mask=None)
        optimizer = Optimizer(model.params, [("*", Adam(0.01))])
        for _ in range(2):
            optimizer.step(model.params, gradients(model, x, batch)[1])
        results.append({name: backend.to_host(p).tobytes() for name, p in model.params.items()})
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("n_in", "options"),
    [(6, {"embedding_size": 4}), (6, {"embedding_size": 0}), (6, {"symbols": False}), (4, {})],
    ids=["other width", "one-hot", "features", "other symbols out"],
)
def test_what_cannot_be_tied_is_refused_in_one_sentence(n_in, options):
    options = {"symbols": True, "embedding_size": 5, **options}
    with pytest.raises(UsageError, match=r"^tied needs symbols .*\(got .*\); set embedding_size to 5, or") as error:
        rnn(n_in, 6, 5, rng=np.random.default_rng(0), tied=True, **options)
    assert "\n" not in str(error.value)


def test_the_encoder_of_a_tied_model_is_the_read_outs_own():
    model = tied()
    assert isinstance(model.encoder, Embedding)
    assert model.readout.children[""] is model.encoder
