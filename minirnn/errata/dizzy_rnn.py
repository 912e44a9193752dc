"""Dorobantu, Stromhaug and Renteria: packed rotations."""

from __future__ import annotations

from minirnn.errata.erratum import Erratum, Numbers
from minirnn.parametrizations.givens import round_robin


def odd_numbers_need_one_round_more() -> Numbers:
    """n = 5."""
    def pairs(K):
        p, q = round_robin(5, K)
        return len(set(zip(p.ravel().tolist(), q.ravel().tolist(), strict=True)))

    return {"planes of 5 units": 10, "turned in n − 1 = 4 rounds": pairs(4), "turned in n = 5 rounds": pairs(5)}


ERRATA = (
    Erratum(
        "[dorobantu2016, sec. 4.2]",
        "An odd number of units needs one packed rotation more",
        "n/2 rotations can be done in parallel, so all n(n − 1)/2 planes need n − 1 sequential packed rotations.",
        "True for even n. For odd n a round has (n − 1)/2 planes, one unit sits out, and n rounds are needed.",
        "n − 1 rounds of (n − 1)/2 planes are (n − 1)²/2 < n(n − 1)/2. n rounds suffice: in round k the units k + i "
        "and k − i modulo n meet.",
        odd_numbers_need_one_round_more,
    ),
)
