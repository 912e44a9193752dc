"""Statements of the papers that do not hold as printed: what holds instead, why, and numbers that anyone can rerun.

Every system named here is implemented in this library, because its idea is worth having. Collected here are the places
where following the page to the letter would lead to another program, or to a conclusion that does not hold. One file
per paper, or per part of one. `python -m minirnn.errata` prints docs/errata.md.
"""

from minirnn.errata import chu_bounds, chu_experiments, chu_update, dizzy_rnn, full_urnn, spectral, vorontsov
from minirnn.errata.erratum import Erratum, about, stated
from minirnn.errata.page import page

PAPERS = (chu_bounds, chu_update, chu_experiments, vorontsov, dizzy_rnn, full_urnn, spectral)
ERRATA: tuple[Erratum, ...] = tuple(erratum for paper in PAPERS for erratum in paper.ERRATA)

__all__ = ["ERRATA", "Erratum", "about", "page", "stated"]
