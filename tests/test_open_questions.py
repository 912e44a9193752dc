"""Every open question's example shows what each reading would give."""

import numpy as np
import pytest

from minirnn.errata import ERRATA
from minirnn.errata.erratum import DOES_NOT_HOLD, OPEN
from minirnn.linalg import orthogonality_error
from minirnn.parametrizations import ExpMap

EXAMPLES = {e.example.__name__: e.example for e in ERRATA if e.headings == OPEN}


def computed(name):
    return EXAMPLES[name]()


def test_an_open_question_is_asked_and_comes_after_the_errata():
    kinds = [e.headings for e in ERRATA]
    assert kinds == sorted(kinds, key=(DOES_NOT_HOLD, OPEN).index)
    assert [e.title.endswith("?") for e in ERRATA] == [kind == OPEN for kind in kinds]


def test_the_lower_bound_halves_with_each_step_and_is_zero_in_practice_in_all_readings():
    found = computed("bounds_by_truncation_and_width")
    assert found["upper bound, and both for |x|, n = 100"] == 10
    lower = {label: value for label, value in found.items() if label.startswith("log₁₀")}
    assert len(lower) == 6
    assert max(lower.values()) < -7
    for n in (100, 200):
        longest, shortest = (lower[f"log₁₀ of the lower bound, leaky ReLU, n = {n}, T = {T}"] for T in (50, 30))
        assert shortest - longest == pytest.approx(20 * np.log10(2))


def test_once_per_batch_the_exponential_costs_little_and_at_every_step_much():
    toy, toy_every, language, language_every = computed("the_exponential_counted").values()
    assert max(toy, language) < 2
    assert 100 < toy_every < 200
    assert language_every > 10


def test_a_constant_answer_is_right_in_thirteen_percent_or_always():
    found = list(computed("numbers_with_or_without_repetition").values())
    assert found[:3] == pytest.approx([13.6, 13.3, 13.1], abs=0.05)
    assert found[3] == 1


def test_the_published_direction_is_exact_at_zero_alone():
    found = computed("where_b_starts")
    assert found["‖P − gradient‖ / ‖gradient‖, B = 0"] < 1e-12
    assert found["‖P − gradient‖ / ‖gradient‖, rotations"] > 0.5
    assert found["‖P − gradient‖ / ‖gradient‖, b_ij from N(0, 1/n)"] > 0.5
    assert orthogonality_error(ExpMap(np.ones((5, 5))).matrix()[0]) < 1e-12
    assert found["‖WᵀW − I‖_F, rotations"] < 1e-12


def test_the_spectral_penalty_moves_one_singular_value():
    found = computed("two_norms_of_one_penalty")
    assert (found["rank of the gradient, Frobenius"], found["rank of the gradient, spectral"]) == (4, 1)
    assert found["s_1 after the step, spectral"] < 1.3
    assert found["s_1 after the step, Frobenius"] == pytest.approx(found["s_1 after the step, spectral"])
    assert found["s_4 after the step, Frobenius"] > 0.81
    assert found["s_4 after the step, spectral"] == pytest.approx(0.8)


def test_both_gains_reach_the_same_networks():
    different, rescaled, ratio = computed("a_gain_on_all_or_on_the_recurrent_part").values()
    assert different > 0.01
    assert rescaled < 1e-12
    assert ratio == pytest.approx(1.05)


def test_symbols_as_numbers_are_not_equally_far_apart():
    count, nearest, farthest, vectors = computed("symbols_as_numbers_or_as_vectors").values()
    assert (count, nearest, farthest) == (9, 1, 9)
    assert vectors == pytest.approx(np.sqrt(2))


def test_a_factorised_start_at_one_forgets_glorot():
    largest, smallest, lost, identity = computed("where_a_factorised_network_starts").values()
    assert largest > 1.8
    assert smallest < 0.01
    assert lost > 0.5
    assert identity == 0


def test_half_the_sum_has_a_quarter_of_the_error_and_pairs_prefer_the_mean():
    whole, half, right, mean = computed("sums_and_halves").values()
    assert whole == pytest.approx(1 / 6, rel=0.03)
    assert half == pytest.approx(1 / 24, rel=0.03)
    assert right == pytest.approx(2 * mean)


def test_the_cayley_step_descends_on_its_own_side_only():
    own, other, falls, rises, stays = computed("a_cayley_step_on_the_other_side").values()
    assert own == 100
    assert other < 60
    assert falls < 10 * stays < 0 < rises


def test_oplu_is_far_from_linear():
    identity, oplu = computed("sorting_in_pairs_is_not_the_identity").values()
    assert identity < 1e-12
    assert oplu > 0.1


def test_half_a_complex_gradient_has_another_direction():
    deviation, cosine, length = computed("half_of_a_complex_gradient").values()
    assert deviation > 0.5
    assert 0.5 < cosine < 0.9
    assert length < 0.9


def test_a_constant_in_the_divisor_alone_shrinks_the_state():
    exact, urnn, full, eunn = computed("small_constants_over_many_steps").values()
    assert exact == pytest.approx(1)
    assert eunn == pytest.approx(1)
    assert urnn == pytest.approx(np.exp(-0.12), rel=0.01)
    assert full == pytest.approx(urnn, rel=1e-3)


def test_the_first_step_of_rmsprop_depends_on_its_start():
    found = computed("first_steps_of_rmsprop")
    assert found["distance after 1, lecture"] == pytest.approx(1e-3 / np.sqrt(0.1), rel=1e-4)
    assert found["distance after 1, torch"] == pytest.approx(1e-3 / np.sqrt(0.01), rel=1e-3)
    assert found["distance after 1, tensorflow"] == pytest.approx(1e-6 / np.sqrt(0.9), rel=1e-4)
    assert found["distance after 100, tensorflow"] < found["distance after 100, lecture"] / 20


def test_the_first_answer_is_due_one_step_after_the_delimiter_or_at_it():
    blanks, wait, more, none, halves, scornn = computed("when_the_first_answer_is_due").values()
    assert (blanks, wait) == (99, 1)
    assert (more, none) == (100, 0)
    assert (halves, scornn) == (100, 99)
