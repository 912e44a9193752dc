"""The site of the documentation: `make docs` turns these pages and the docstrings into docs/_build/html."""

project = "minirnn"
html_title = "minirnn"
html_theme = "furo"
html_show_copyright = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx-mathjax-offline"]
exclude_patterns = ["_build"]

# The pages are read on code hosts too: formulas stand between dollars, as there, and #heading works as a link.
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

add_module_names = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}


def as_written(app, what, name, obj, options, lines):
    """A docstring is plain text whose columns carry meaning, not reStructuredText: show it letter by letter."""
    if any(lines):
        lines[:] = [".. code-block:: none", "", *(f"   {line}" for line in lines), ""]


def setup(app):
    app.connect("autodoc-process-docstring", as_written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
