"""The benchmark of the time loop compares what computes the same."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

from minirnn.benchmarks import time_loop as program


def test_each_way_to_cut_the_sum_gives_the_same_gradient():
    first, *others = (work() for work in program.summed(40).values())
    assert first.dtype == np.float32
    for found in others:
        np.testing.assert_allclose(found, first, rtol=1e-4, atol=1e-3)


def test_zeroing_changes_nothing_but_what_has_vanished():
    zeroed, left = (work() for work in program.vanishing(150).values())
    assert np.any(zeroed)
    np.testing.assert_allclose(zeroed, left, rtol=1e-5, atol=1e-30)


def test_it_prints_a_line_for_each():
    ended = CliRunner().invoke(program.main, ["--rounds", "1", "-T", "20"])
    assert ended.exit_code == 0, ended.output
    head, *lines = ended.output.splitlines()
    assert head.startswith("T = 20, ")
    assert len(lines) == 5
    assert all(re.search(r" \d+\.\d \(\d+\.\d \.\. \d+\.\d\)$", line) for line in lines)


@pytest.mark.parametrize("option", [["--rounds", "0"], ["-T", "0"]])
def test_nothing_to_time_is_refused(option):
    assert CliRunner().invoke(program.main, option).exit_code == 2
