"""`python -m minirnn`."""

from minirnn.cli import main

main()
