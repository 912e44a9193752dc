"""A sweep of two small runs: the tables of its file, and their text."""

import tomli_w

from minirnn import toml

TABLES = {
    "task": {"name": "recall", "length": 5}, "model": {"name": "rnn", "hidden_size": 6, "embedding_size": 4},
    "train": {"batch_size": 10, "steps": 20}, "grid": {"run.seed": [0, 1]},
}


def tables(**changes):
    return toml.merge(TABLES, changes)


def text(**changes):
    return tomli_w.dumps(tables(**changes))
