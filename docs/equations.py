r"""Links to equations: a tag such as (E3) gets an anchor, `eq-E3`, and each mention of it becomes a link.

A tag stands at the formula that shows it as \text{(E3)}. One that no formula shows stands where the page first has it,
in a code block or in the prose, provided that a code block of the page has it. Any other is an equation of another
page and is written as a link, `[(X4)](expmap.md#eq-X4)`; if it is not, a warning says so, and `make docs` fails.

The pages stay plain Markdown: without this file the tags are words.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

MENTION = re.compile(r"(\([A-Z]{1,2}\d{1,2}\))")
SHOWN = re.compile(r"\\text\{(\([A-Z]{1,2}\d{1,2}\))\}")
NO_PROSE = (nodes.FixedTextElement, nodes.Invisible, nodes.title, nodes.literal, nodes.math, nodes.math_block,
            nodes.reference, nodes.raw)
LOGGER = logging.getLogger(__name__)


def anchor(tag):
    return f"eq-{tag.strip('()')}"


def is_prose(text):
    """Whether words of this text may become links: it is no code, formula, title or link."""
    node = text.parent
    while node is not None:
        if isinstance(node, NO_PROSE) or node.tagname == "pending_xref":
            return False
        node = node.parent
    return True


class Equations(SphinxTransform):
    """Runs before MyST resolves the links within a page, so that it knows the anchors made here."""

    default_priority = 870

    def apply(self, **kwargs):
        places = list(self.document.findall())
        code = [node for node in places if isinstance(node, nodes.literal_block) and node.get("language") == "python"]
        in_code = {tag for block in code for tag in MENTION.findall(block.astext())}
        self.anchored = set()
        for node in places:
            if isinstance(node, nodes.math_block):
                self.enclose(node, SHOWN.findall(node.astext()))
        for node in places:
            if any(node is block for block in code):
                self.enclose(node, set(MENTION.findall(node.astext())) - self.anchored)
            elif isinstance(node, nodes.Text) and MENTION.search(node) and is_prose(node):
                node.parent.replace(node, [self.linked(part, in_code, node) for part in MENTION.split(node) if part])

    def enclose(self, node, tags):
        """Put a formula or a block of code into a box that holds the anchors of its tags."""
        for tag in sorted(self.anchored.intersection(tags)):
            LOGGER.warning("%s stands at two formulas of this page; a tag names one", tag, location=node)
        if tags := sorted(set(tags) - self.anchored):
            box = nodes.container(classes=["equation"])
            node.replace_self(box)
            box += [nodes.target(ids=[self.register(tag)]) for tag in tags]
            box += node

    def linked(self, part, in_code, where):
        """A piece of prose: a tag as a link, or as the anchor itself, and other words as they are."""
        if not MENTION.fullmatch(part):
            return nodes.Text(part)
        if part in self.anchored:
            return nodes.reference("", part, internal=True, refid=anchor(part), classes=["equation"])
        if part in in_code:
            return nodes.inline("", part, ids=[self.register(part)], classes=["equation"])
        advice = "%s is no equation of this page; if it is another's, write [%s](page.md#%s)"
        LOGGER.warning(advice, part, part, anchor(part), location=where.parent)
        return nodes.Text(part)

    def register(self, tag):
        """MyST finds the targets of `page.md#name` in this table, of which headings are the other entries."""
        name = anchor(tag)
        self.env.metadata[self.env.docname].setdefault("myst_slugs", {})[name] = (None, name, tag)
        self.anchored.add(tag)
        return name


def setup(app):
    app.add_transform(Equations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
