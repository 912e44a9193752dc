"""A curve in one line: its height, its scale, its gaps."""

import pytest

from minirnn.cli.sparkline import logarithmic, sparkline


@pytest.mark.parametrize(("values", "curve"), [
    ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
    ([7, 6, 5, 4, 3, 2, 1, 0], "█▇▆▅▄▃▂▁"),
    ([-1, 0, 1], "▁▅█"),
    ([3.0], "▅"),
    ([], ""),
])
def test_the_smallest_value_has_the_lowest_block_and_the_largest_the_highest(values, curve):
    assert sparkline(values) == curve


def test_rounding_noise_is_drawn_as_a_constant():
    assert sparkline([10.0, 10.0000001, 9.9999999]) == "▅▅▅"
    assert sparkline([0.0, 0.0]) == "▅▅"


def test_what_vanishes_geometrically_is_a_straight_line():
    assert sparkline([10.0**-k for k in range(8)]) == "█▇▆▅▄▃▂▁"
    assert sparkline([1e-300, 1e-200, 1e-100, 1.0]) == "▁▃▆█"


@pytest.mark.parametrize(("values", "expected"), [
    ([1.0, 100.0], False), ([1.0, 101.0], True), ([0.0, 1.0, 101.0], True), ([-1.0, 1.0, 101.0], False),
    ([0.0], False), ([None], False),
])
def test_the_scale_is_logarithmic_where_positive_values_span_more_than_a_hundredfold(values, expected):
    assert logarithmic(values) is expected


def test_a_zero_on_a_logarithmic_scale_has_the_lowest_block():
    assert sparkline([0.0, 1.0, 1000.0]) == "▁▁█"


def test_what_is_missing_or_not_finite_leaves_a_space():
    assert sparkline([0.0, None, 1.0, float("nan"), float("inf")]) == "▁ █  "
    assert sparkline([None, None]) == "  "


def test_a_long_curve_is_cut_into_parts_of_which_each_counts():
    assert sparkline([0.0] * 500 + [1.0] * 500, 10) == "▁▁▁▁▁█████"
    assert len(sparkline(list(range(785)), 20)) == 20
    assert sparkline([float("nan")] * 50 + [0.0] * 25 + [1.0] * 25, 4) == "  ▁█"
