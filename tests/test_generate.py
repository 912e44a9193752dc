"""Generation: what is read, what is chosen, and the distribution it is drawn from."""

import numpy as np
import pytest
from scipy import stats
from strict_array import StrictDevice

from minirnn import backend
from minirnn.errors import UsageError
from minirnn.generate import Greedy, Sample, generate
from minirnn.models import lstm, rnn


def model(build=rnn, **options):
    return build(6, 6, 5, rng=np.random.default_rng(0), symbols=True, embedding_size=3, dropout=0.5, **options)


@pytest.mark.parametrize("build", [rnn, lstm])
@pytest.mark.parametrize("prompt", [[2], [1, 4, 0, 3]])
def test_greedy_text_is_what_reading_the_whole_text_anew_predicts(build, prompt):
    """The carried state is that of the text so far, and dropout is off."""
    m = model(build, layers=2)
    found = list(generate(m, prompt, 8, Greedy()))
    text = list(prompt)
    for chosen in found:
        y, _, _ = m.forward(np.array(text)[:, None], keep=False)
        assert chosen == int(np.argmax(y[-1, 0]))
        text.append(chosen)
    assert len(found) == 8


def test_greedy_takes_the_first_of_equals():
    assert Greedy().choose(np.array([0.0, 2.0, 2.0]), 0) == 1


def test_a_seed_decides_everything():
    a, b, c = (list(generate(model(), [1], 30, Sample(seed=seed))) for seed in (3, 3, 4))
    assert a == b
    assert a != c


def test_a_longer_text_begins_with_the_shorter_one():
    assert list(generate(model(), [1], 20, Sample()))[:7] == list(generate(model(), [1], 7, Sample()))


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (0.5, 0), (2.0, 3), (1.0, 1), (1.0, 99)])
def test_symbols_are_drawn_from_the_softmax(temperature, top_k):
    scores = np.log(np.array([0.1, 0.4, 0.05, 0.2, 0.25], np.float32))
    p = np.exp(scores.astype(float)) ** (1 / temperature)
    if top_k:
        p[np.argsort(-p)[top_k:]] = 0
    p /= p.sum()
    chooser = Sample(temperature, top_k)
    counts = np.bincount([chooser.choose(scores, k) for k in range(5000)], minlength=5)
    assert not counts[p == 0].any()
    if np.sum(p > 0) > 1:
        assert stats.chisquare(counts[p > 0], 5000 * p[p > 0]).pvalue > 1e-3


def test_huge_scores_and_tiny_temperatures_stay_finite():
    scores = np.array([1e30, -1e30, 1e30 - 1e25], np.float32)
    assert Sample(1e-3).choose(scores, 0) == 0
    assert Sample(1e-300).choose(np.array([0.0, 1.0]), 0) == 1


def test_the_stop_symbol_ends_the_text_and_belongs_to_it():
    whole = list(generate(model(), [1], 40, Sample()))
    stop = whole[5]
    assert list(generate(model(), [1], 40, Sample(), stop)) == whole[: whole.index(stop) + 1]


def test_a_model_on_a_device_writes_the_same(monkeypatch):
    there, device = model(), StrictDevice()
    wanted = list(generate(model(), [1, 2], 9, Sample(seed=1)))
    plain = backend.to
    monkeypatch.setattr(backend, "to", lambda tree, target: plain(tree, device if target == "cupy" else target))
    assert list(generate(there.to("cupy"), [1, 2], 9, Sample(seed=1))) == wanted


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(UsageError, match="temperature must be positive and finite"):
        Sample(temperature)


@pytest.mark.parametrize("options", [{"top_k": -1}, {"seed": -1}])
def test_negative_numbers_are_refused(options):
    with pytest.raises(UsageError, match="must be zero or positive"):
        Sample(**options)
