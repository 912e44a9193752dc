"""RMSprop as the papers' programs have it: literal transcriptions of each."""

import numpy as np
import pytest

from minirnn.errors import UsageError
from minirnn.optimizers import RMSprop
from minirnn.optimizers.rmsprop import CONVENTIONS

LR = 1e-2


def lecture(x, g, s):
    s = 0.9 * s + 0.1 * g**2
    return x - LR * g / (np.sqrt(s) + 1e-8), s


def torch(x, g, s):
    s = 0.99 * s + 0.01 * g**2
    return x - LR * g / (np.sqrt(s) + 1e-8), s


def lasagne(x, g, s):
    s = 0.9 * s + 0.1 * g**2
    return x - LR * g / np.sqrt(s + 1e-6), s


def tensorflow(x, g, s):
    s = s + (1 - 0.9) * (g**2 - s)
    return x - LR * g / np.sqrt(s + 1e-10), s


def arjovsky(x, g, s):
    s = 0.9 * s + 0.1 * g**2
    return x - LR * g / np.sqrt(s), s


LITERAL = {
    "lecture": (lecture, 0), "keras": (lecture, 0), "torch": (torch, 0), "lasagne": (lasagne, 0),
    "tensorflow": (tensorflow, 1), "arjovsky": (arjovsky, 1e-3),
}


def test_every_convention_has_its_literal_transcription():
    assert set(LITERAL) == set(CONVENTIONS)


@pytest.mark.parametrize("convention", LITERAL)
def test_convention_is_its_literal_transcription(convention):
    rng = np.random.default_rng(23)
    x, (literal, s) = rng.standard_normal((3, 2)), LITERAL[convention]
    expected, rule = x.copy(), RMSprop(LR, convention=convention)
    for _ in range(50):
        g = rng.standard_normal((3, 2)) * np.array([1e-4, 1.0])
        rule.step("x", x, g)
        expected, s = literal(expected, g, s)
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-13)


def test_first_step_from_zero_ignores_the_gradients_size_and_from_one_does_not():
    for g in (1e-3, 1.0):
        x, y = np.zeros(1), np.zeros(1)
        RMSprop(LR, convention="lecture").step("x", x, np.array([g]))
        RMSprop(LR, convention="tensorflow").step("x", y, np.array([g]))
        assert x[0] == pytest.approx(-LR / np.sqrt(0.1), rel=1e-4)
        assert y[0] == pytest.approx(-LR * g, rel=0.06)


def test_without_epsilon_a_gradient_that_was_always_zero_does_not_divide_by_zero():
    x, rule = np.ones(1, "float32"), RMSprop(LR, rho=0.4, convention="arjovsky")
    for _ in range(200):                                            # by then the mean square has decayed to zero
        rule.step("x", x, np.zeros(1, "float32"))
    assert rule.memory["x"]["s"][0] == 0
    assert x.dtype == "float32"
    assert x[0] == 1


def test_decay_and_epsilon_replace_the_conventions():
    x = np.zeros(1)
    RMSprop(1.0, rho=0.5, eps=3.0, convention="lasagne").step("x", x, np.array([2.0]))
    assert x[0] == pytest.approx(-2 / np.sqrt(0.5 * 4 + 3))
    x = np.zeros(1)
    RMSprop(1.0, rho=0.5, eps=3.0, convention="torch").step("x", x, np.array([2.0]))
    assert x[0] == pytest.approx(-2 / (np.sqrt(0.5 * 4) + 3))


def test_unknown_convention_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="tensorflow"):
        RMSprop(LR, convention="theano")
