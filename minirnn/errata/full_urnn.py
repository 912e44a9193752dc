"""Wisdom, Powers, Hershey, Le Roux and Atlas: how many unitary matrices seven factors reach."""

from __future__ import annotations

import numpy as np

from minirnn.diagnostics.capacity import capacity
from minirnn.errata.erratum import Erratum, Numbers
from minirnn.parametrizations import UnitaryProduct


def seven_factors_are_restricted_from_six_on() -> Numbers:
    """Random points, n = 5 to 8: the rank against n², the dimension of U(n)."""
    rng = np.random.default_rng(0)
    return {f"n = {n}, dimension {n * n}: rank": capacity(UnitaryProduct.random(n, rng))["rank"] for n in (5, 6, 7, 8)}


ERRATA = (
    Erratum(
        "[wisdom2016, abstract]",
        "Seven factors are restricted from n = 6 on, not only above 7",
        "The unitary parametrization of [arjovsky2016], by seven factors, “has restricted capacity for hidden state "
        "dimension greater than 7”.",
        "True, and not the whole extent: it is restricted from n = 6 on. Counting 7n parameters against n² gives "
        "n > 7; seven of them are redundant, and 7n − 7 < n² holds for n ≥ 6 as well.",
        "At most 7n − 7 directions: length and phase of each reflection vector (4 real numbers) do nothing; the common "
        "phases of D₁, D₂, D₃ commute with everything, so two of three are redundant; and the two reflections' "
        "tangent spaces, carried to one point, share a line: in the plane of their vectors each spans two of the three "
        "dimensions of su(2).",
        seven_factors_are_restricted_from_six_on,
    ),
)
