"""Groups of an optimizer: which rule moves which parameter, what is refused, and under which names state is kept."""

import numpy as np
import pytest

from minirnn.errors import UsageError
from minirnn.optimizers import SGD, Adam, Optimizer

PARAMS = {"rnn.0.W.A": np.ones(2), "rnn.0.b": np.ones(2), "readout.W": np.ones(2)}
ONES = {name: np.ones(2) for name in PARAMS}


def test_the_first_pattern_that_matches_decides():
    params = {name: x.copy() for name, x in PARAMS.items()}
    Optimizer(params, [("rnn.*.W.*", SGD(0.1)), ("rnn.*", SGD(0.2)), ("*", SGD(0.3))]).step(params, ONES)
    assert [float(x[0]) for x in params.values()] == pytest.approx([0.9, 0.8, 0.7])


def test_a_parameter_without_a_rule_is_refused_at_construction():
    with pytest.raises(UsageError, match=r"no update rule for parameter 'readout.W'; patterns: \['rnn.\*'\]; end with"):
        Optimizer(PARAMS, [("rnn.*", SGD(0.1))])


def test_a_straight_line_off_a_manifold_is_refused_at_construction():
    with pytest.raises(UsageError, match=r"SGD moves 'rnn\.0\.W\.A' along a straight line and would leave the stiefel"):
        Optimizer(PARAMS, [("*", SGD(0.1))], {"rnn.0.W.A": "stiefel"})


def test_a_rule_for_the_manifold_is_welcome():
    class Geodesic(SGD):
        manifolds = frozenset({"stiefel"})

    Optimizer(PARAMS, [("*.A", Geodesic(0.1)), ("*", SGD(0.1))], {"rnn.0.W.A": "stiefel"})


def test_state_names_group_path_and_slot():
    params = {"x": np.ones(2), "y": np.ones(2)}
    optimizer = Optimizer(params, [("x", SGD(0.1, 0.9)), ("*", Adam(0.1))])
    optimizer.step(params, params)
    assert set(optimizer.state_dict()) == {"0/x/v", "0/x/t", "1/y/m", "1/y/v", "1/y/t"}
