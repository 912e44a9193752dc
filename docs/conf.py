"""The site of the documentation: `make docs` turns these pages and the docstrings into docs/_build/html."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))      # equations.py and components.py, extensions of ours

project = "minirnn"
html_title = "minirnn"
html_theme = "furo"
html_favicon = "favicon.svg"
html_show_copyright = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "equations",
    "components",
]
exclude_patterns = ["_build"]

# The pages are read on code hosts too: formulas stand between dollars, as there, and #heading works as a link.
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

add_module_names = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
