"""Names of parameters: paths with dots, as in rnn.0.W.A."""


def join(prefix: str, name: str) -> str:
    """prefix.name; the empty name stands for its owner, the empty prefix for the root."""
    return f"{prefix}.{name}" if prefix and name else prefix or name
