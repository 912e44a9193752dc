"""Training steps timed against torch.nn: `python -m benchmarks`, described in README.md beside this file."""
