"""Every erratum's example shows what its text claims, and the page is what the module prints."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from minirnn.errata import ERRATA, about, page
from minirnn.errata.page import PAGES

ROOT = Path(__file__).parents[1]
EXAMPLES = {e.example.__name__: e.example for e in ERRATA}
NUMBERS = [pytest.param(e.example, id=e.example.__name__) for e in ERRATA]


def computed(name):
    return EXAMPLES[name]()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_module_prints(name):
    assert page(ERRATA, name) == (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def test_every_erratum_is_on_one_page():
    numbers = [int(k) for name in PAGES for k in re.findall(r"^## (\d+)\. ", page(ERRATA, name), re.MULTILINE)]
    assert sorted(numbers) == list(range(1, len(ERRATA) + 1))


def test_every_source_is_in_the_bibliography():
    known = (ROOT / "docs" / "bibliography.md").read_text(encoding="utf-8")
    assert {paper for e in ERRATA for paper in e.papers if f"- **{paper}**" not in known} == set()


@pytest.mark.parametrize("example", NUMBERS)
def test_an_example_says_what_it_computes_and_repeats_itself(example):
    assert about(example)
    assert example() == example()


def test_eigenvalues_do_not_bound_a_product():
    claimed, norm, corrected = computed("eigenvalues_do_not_bound_a_product").values()
    assert claimed < norm <= corrected


@pytest.mark.parametrize("seed", range(5))
def test_eigenvalues_do_bound_products_of_normal_matrices(seed):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4)))
    W = Q * rng.uniform(0.5, 1.5, 4) @ Q.conj().T
    J = np.diag(rng.uniform(0.5, 1, 4)) @ W @ np.diag(rng.uniform(0.5, 1, 4)) @ W
    assert np.linalg.norm(J, 2) <= np.max(np.abs(np.linalg.eigvals(W))) ** 2 + 1e-12


def test_small_eigenvalues_and_an_exploding_gradient():
    radius, sigma, norm, power = computed("small_eigenvalues_and_an_exploding_gradient").values()
    assert radius < 1e-3
    assert norm == pytest.approx(power, rel=1e-3)
    assert norm <= sigma**100 * np.sqrt(2)


def test_the_lower_bound_holds_for_the_matrix_and_not_for_a_vector():
    least, claimed, by_determinant, norm, shrunk, sigma = computed("the_lower_bound_is_no_bound_for_a_vector").values()
    assert claimed <= by_determinant <= norm
    assert shrunk == pytest.approx(sigma)
    assert shrunk < least / 5


@pytest.mark.parametrize("seed", range(5))
def test_the_lower_bound_holds_for_every_square_matrix(seed):
    rng = np.random.default_rng(seed)
    W, D = rng.standard_normal((5, 5)), rng.uniform(0.5, 1, (3, 5))
    J = np.diag(D[0]) @ W @ np.diag(D[1]) @ W @ np.diag(D[2]) @ W
    least = np.min(np.abs(np.linalg.eigvals(W)))
    assert np.linalg.norm(J) >= np.sqrt(5) * abs(np.linalg.det(J)) ** (1 / 5) * (1 - 1e-9)
    assert np.linalg.norm(J) >= np.sqrt(5) * (0.5 * least) ** 3


def test_the_plus_sign_ascends():
    plus, minus = computed("the_plus_sign_ascends").values()
    assert plus > 0 > minus
    assert plus == pytest.approx(-minus, rel=1e-2)


def test_plumbleys_direction_departs_from_the_gradient_as_b_grows():
    small, one, three, commuting = computed("plumbleys_direction_is_not_the_gradient_of_b").values()
    assert small < 0.01 < 0.3 < one < three
    assert commuting < 1e-12


def test_plumbleys_direction_can_ascend():
    norm, cosine, added, multiplied, exact = computed("plumbleys_direction_can_ascend").values()
    assert norm > np.pi / 2
    assert cosine < 0 < added
    assert multiplied < 0
    assert exact < 0


def test_exponentials_are_rotations():
    det, reflected, nearest, from_identity = computed("exponentials_are_rotations").values()
    assert det == pytest.approx(1)
    assert reflected == -1
    assert nearest >= 2 - 1e-12
    assert from_identity == 2


def test_the_reset_gate_as_printed_has_no_gradient():
    printed, before, after = computed("a_reset_gate_that_resets_nothing").values()
    assert printed == 0
    assert min(before, after) > 0.01


def test_the_loss_is_below_what_the_accuracy_allows():
    nats, bits, digits, printed = computed("accuracy_bounds_the_cross_entropy").values()
    assert nats == pytest.approx(0.300, abs=5e-4)
    assert printed < min(nats, bits, digits)
    assert 1 - printed / np.log(2) > 0.85


def test_a_wrong_argmax_costs_at_least_ln_2():
    logits = np.random.default_rng(0).standard_normal((1000, 4))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wrong = np.argmax(p, axis=1) != 0
    assert np.min(-np.log(p[wrong, 0])) >= np.log(2)


def test_the_identitys_norm_is_the_missing_factor():
    printed, thirty, twenty_nine = computed("a_bound_without_its_identity").values()
    assert printed == pytest.approx(9.3e-10, rel=5e-3)
    assert thirty / printed == pytest.approx(np.sqrt(200))
    assert twenty_nine == pytest.approx(2.6e-8, rel=2e-2)


def test_a_sum_leaves_the_manifold_and_a_product_does_not():
    added, multiplied, jump = computed("a_sum_where_a_product_keeps_the_manifold").values()
    assert added > 1
    assert multiplied < 1e-13
    assert jump == pytest.approx(np.sqrt(8))


def test_a_margin_above_one_makes_s_negative_and_w_singular():
    s, singular, crossing = computed("a_margin_above_one").values()
    assert s == pytest.approx(-3.62, abs=5e-3)
    assert singular == pytest.approx(-s)
    assert abs(crossing) < 1e-12


def test_only_the_square_of_2m_frees_the_spectrum():
    plain, once, twice = computed("a_spectrum_that_still_feels_its_margin").values()
    assert plain == pytest.approx(1e4, rel=1e-3)
    assert once == pytest.approx(100, rel=1e-3)
    assert twice == pytest.approx(1, rel=1e-3)


def test_five_units_need_five_rounds():
    planes, four, five = computed("odd_numbers_need_one_round_more").values()
    assert four == 8 < planes == five


def test_seven_factors_have_seven_parameters_too_many():
    ranks = computed("seven_factors_are_restricted_from_six_on")
    for (label, rank), n in zip(ranks.items(), (5, 6, 7, 8), strict=True):
        assert rank == min(n * n, 7 * n - 7), label


def test_a_spectral_radius_of_one_bounds_no_step():
    radius, norm, by_radius, by_norm = computed("a_spectral_radius_of_one_bounds_no_step").values()
    assert norm > 20 * radius
    assert by_radius > 100
    assert by_norm <= 1 + 1e-12


def test_the_product_needs_the_derivative_of_each_step():
    network, true, printed = computed("one_index_for_all_factors").values()
    assert true == pytest.approx(network, rel=1e-9)
    assert printed < 0.1 * true


def test_the_gradient_of_w_grows_under_a_constant_jacobian():
    found = list(computed("a_constant_jacobian_and_a_growing_gradient").values())
    jacobians, gradients = found[::2], found[1::2]
    assert jacobians == pytest.approx([np.sqrt(32)] * 4, rel=1e-9)
    assert all(2 * a < b for a, b in pairwise(gradients))


def test_rotations_and_the_absolute_value_keep_every_gradients_length():
    shortest, longest = computed("rotations_and_the_absolute_value_lose_nothing").values()
    assert shortest == pytest.approx(1, abs=1e-9)
    assert longest == pytest.approx(1, abs=1e-9)


def test_clipping_before_the_projection_can_ascend_and_after_it_cannot():
    plain, clipped, before, after = computed("clipping_before_the_projection_ascends").values()
    assert plain < 0 < clipped
    assert 1 < before < 5
    assert after == 0


def test_activations_have_bounds_of_the_modulus_of_their_derivative():
    found = computed("an_activation_has_bounds_and_no_eigenvalues")
    assert found["smallest eigenvalue, |x|"] == -1
    assert found["β, |x|"] == found["γ, |x|"] == 1
    assert (found["β, ReLU"], found["γ, ReLU"]) == (0, 1)
    assert (found["β, leaky ReLU, slope 0.5"], found["γ, leaky ReLU, slope 0.5"]) == (0.5, 1)


def test_the_printed_accuracy_is_far_below_chance():
    ten, nine, eleven, printed, likely, unlikely = computed("a_tenth_of_chance").values()
    assert nine < ten < printed < eleven
    assert printed - ten < eleven - printed
    assert likely < 1
    assert unlikely > 9


def test_d_w_is_neither_the_jacobian_nor_its_transpose():
    jacobian, transposed, right, right_transposed = computed("the_order_of_d_and_w").values()
    assert min(jacobian, transposed) > 0.4
    assert max(right, right_transposed) < 1e-12


def test_the_strength_of_a_prior_is_inverse_to_its_variance():
    narrow, middle, wide = computed("a_wide_prior_is_a_weak_one").values()
    assert narrow == pytest.approx(10 * middle)
    assert middle == pytest.approx(10 * wide)
    assert wide == pytest.approx(0.1 * np.sqrt(8))


def test_a_gain_of_one_preserves_and_only_a_bound_below_one_makes_vanish():
    one, below, towards_one = computed("gains_of_at_most_one").values()
    assert one == pytest.approx(1, abs=1e-9)
    assert below == pytest.approx(0.99**1000)
    assert towards_one == pytest.approx(1002 / 2002)


def test_a_margin_comes_near_a_singular_matrix_and_does_not_reach_it():
    zero, smallest, distance, orthogonal = computed("a_singular_value_of_zero").values()
    assert zero < 1e-12 < smallest < 1e-4
    assert distance == pytest.approx(smallest)
    assert orthogonal == pytest.approx(1)


def test_a_matrix_with_a_null_space_has_no_lower_gain():
    nonzero, all_of_them, gain = computed("the_smallest_singular_value_may_be_zero").values()
    assert nonzero == pytest.approx(1)
    assert all_of_them == gain == 0


def test_sign_loses_the_norm_at_zero():
    ours, by_sign, root = computed("the_derivative_of_abs_at_zero").values()
    assert ours == pytest.approx(root)
    assert by_sign == 0


def test_only_undone_rotations_need_the_space_of_a_standard_network():
    standard, kept, undone, error = computed("storage_of_all_packed_rotations").values()
    assert undone < standard < kept / 50
    assert error < 1e-12


def test_gradients_of_parameters_grow_where_the_states_signal_is_preserved():
    found = computed("gradients_of_states_and_of_parameters")
    for T in (10, 100, 1000):
        assert found[f"‖∂L/∂h_0‖, T = {T}"] == pytest.approx(1)
    for name in ("‖∂L/∂U‖_F", "‖∂L/∂θ‖"):
        assert found[f"{name}, T = 1000"] > 2 * found[f"{name}, T = 100"] > 4 * found[f"{name}, T = 10"]
