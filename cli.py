"""`python cli.py ...` in a clone does what the installed `minirnn ...` does."""

from minirnn.cli import main

if __name__ == "__main__":
    main()
