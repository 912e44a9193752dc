"""The picture of gradient norms says which bounds hold, which are zero, and which leave the scale."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

from minirnn.figures import style
from minirnn.figures.jacobian import _bounds, _frame, _norms

T = list(range(5))
FLOW = {"t": T, "fro_mean": [2.0] * 5, "fro_min": [1.0] * 5, "fro_max": [4.0] * 5}


@pytest.mark.parametrize(("values", "said"), [
    ([3.0, 3.0, 3.0, 3.0, 3.0], "lower bound, by σ_min"),
    ([0.0, 0.0, 0.0, 0.0, 3.0], "lower bound, by σ_min: 0"),
    ([1e-9, 1e-8, 1e-7, 1e-6, 3.0], "lower bound, by σ_min, off the scale"),
])
def test_a_bound_that_cannot_be_seen_is_explained(values, said):
    _, (ax,) = style.panels(1)
    _norms(ax, FLOW)
    _frame(ax, FLOW)
    _bounds(ax, {"t": T, "lower": values})
    assert ax.get_legend_handles_labels()[1] == ["measured", said]


def test_a_printed_bound_is_drawn_only_where_it_differs():
    _, (ax,) = style.panels(1)
    _norms(ax, FLOW)
    _frame(ax, FLOW)
    values = {"upper": 3.0, "printed_upper": 3.0, "lower": 1.0, "printed_lower": 1.5}
    _bounds(ax, {"t": T, **{name: [value] * 5 for name, value in values.items()}})
    assert "upper, as printed" not in ax.get_legend_handles_labels()[1]
    assert "lower, as printed" in ax.get_legend_handles_labels()[1]


def test_an_exploded_bound_leaves_the_others_where_they_are():
    _, (ax,) = style.panels(1)
    _norms(ax, FLOW)
    _frame(ax, FLOW)
    before = ax.get_ylim()
    _bounds(ax, {"t": T, "upper": [None, 1e200, 1e100, 10.0, 3.0]})
    assert ax.get_ylim() == before
    assert np.isnan(ax.get_lines()[-1].get_ydata()[0])
