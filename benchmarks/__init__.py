"""Training steps timed against peers, and what prints the pages of docs/results. Installs as minirnn.benchmarks."""
