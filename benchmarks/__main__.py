"""`python -m benchmarks` in a clone does what the installed `minirnn bench` does."""

import sys

from minirnn.cli import main

main(["bench", *sys.argv[1:]])
