"""The ways to a component: from its entry in the interface to its derivation, and from the search to both.

A class belongs to the pages its docstring names, as in `Derivation: docs/derivations/elman.md`.
"""

import inspect
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from minirnn import catalog
from minirnn.cli.listing import line

NAMED = re.compile(r"docs/(derivations/\w+)\.md")
EXPLAINED = (*catalog.CHECKED, "rules")


def as_written(app, what, name, obj, options, lines):
    """A docstring is plain text whose columns carry meaning, not reStructuredText: show it letter by letter."""
    if any(lines):
        links = [f"Derivation: :doc:`/{page}`" for page in NAMED.findall("\n".join(lines))]
        lines[:] = [".. code-block:: none", "", *(f"   {line}" for line in lines), "", *links, ""]


def of_page(page):
    """(name, component) of all whose docstrings name the page; a name may stand for a cell and for a model."""
    found = [pair for kind in EXPLAINED for pair in catalog.components(kind).items()]
    return [(name, part) for name, part in found if page in NAMED.findall(inspect.getdoc(part) or "")]


class Entries(SphinxTransform):
    """A derivation stands in the index, and is found, under its components' names and by the words of their lines."""

    default_priority = 870

    def apply(self, **kwargs):
        (section, *_) = [*self.document.findall(nodes.section), None]
        found = of_page(self.env.docname)
        if section is None or not found:
            return
        names = dict.fromkeys(name for pair in found for name in (pair[0], pair[1].__name__))
        entries = [("single", name, section["ids"][0], "main", None) for name in names]
        words = ",".join(word for _, part in found for word in re.findall(r"\w+", line(part)))
        self.document.insert(0, nodes.meta(name="keywords", content=words))
        section.insert(1, addnodes.index(entries=entries))


def setup(app):
    app.connect("autodoc-process-docstring", as_written)
    app.add_transform(Entries)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
