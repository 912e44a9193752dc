"""Print docs/errata.md."""

from minirnn.errata import ERRATA, page

print(page(ERRATA), end="")
