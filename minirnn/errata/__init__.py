"""Statements of the papers that do not hold as printed, and questions they leave open, with numbers anyone can rerun.

Every system named here is implemented in this library, because its idea is worth having. Collected here are the places
where following the page to the letter would lead to another program, or to a conclusion that does not hold; and those
where a text allows more than one reading. One file per paper, or per part of one. `python -m minirnn.errata` prints
docs/errata.md, and with `open-questions` docs/open-questions.md.
"""

from minirnn.errata import (
    chu_bounds,
    chu_clipping,
    chu_experiments,
    chu_jacobians,
    chu_questions,
    chu_update,
    dizzy_rnn,
    dizzy_rnn_gradients,
    full_urnn,
    programs,
    spectral,
    vorontsov,
    vorontsov_program,
    vorontsov_questions,
    vorontsov_statements,
)
from minirnn.errata.erratum import Erratum, about, stated
from minirnn.errata.page import page

PAPERS = (
    chu_bounds, chu_jacobians, chu_update, chu_clipping, chu_experiments, vorontsov_statements, vorontsov, dizzy_rnn,
    dizzy_rnn_gradients, full_urnn, spectral,
)
QUESTIONS = (chu_questions, vorontsov_questions, vorontsov_program, programs)
ERRATA: tuple[Erratum, ...] = tuple(erratum for part in (*PAPERS, *QUESTIONS) for erratum in part.ERRATA)

__all__ = ["ERRATA", "Erratum", "about", "page", "stated"]
