"""Print docs/errata.md, or docs/open-questions.md with the argument `open-questions`."""

import sys

from minirnn.errata import ERRATA, page
from minirnn.errata.page import PAGES

name = sys.argv[1] if len(sys.argv) > 1 else "errata"
if name not in PAGES:
    sys.exit(f"Error: there is no page {name!r}; print one of {', '.join(PAGES)}")
print(page(ERRATA, name), end="")
