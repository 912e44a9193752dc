"""minirnn: recurrent networks in plain NumPy, every gradient derived by hand and checked."""

__version__ = "0.1.0"
