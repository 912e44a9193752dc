"""Tables of TOML, from a file and from TABLE.KEY=VALUE."""

import pytest

from minirnn import toml
from minirnn.errors import UsageError


def test_assignments_are_toml_values_and_else_strings():
    found = toml.assignments(["optimizer.lr=1e-3", "model.name=lstm", "train.steps=5", "optimizer.options.rho=0.5"])
    assert found == {
        "optimizer": {"lr": 1e-3, "options": {"rho": 0.5}}, "model": {"name": "lstm"}, "train": {"steps": 5},
    }


def test_invalid_toml_is_named(tmp_path):
    (tmp_path / "c.toml").write_text("[task\n")
    with pytest.raises(UsageError, match=r"c\.toml is not valid TOML"):
        toml.load(tmp_path / "c.toml")
