"""Configuration: precedence, types, and a round trip through TOML."""

import tomllib

import pytest

from minirnn import config
from minirnn.errors import UsageError

RECALL = {"task": {"name": "recall"}}


def test_later_layers_win_over_the_tasks_suggestions_and_the_defaults():
    settings, task = config.resolve(RECALL, {"train": {"steps": 7}}, {"train": {"steps": 8}, "model": {"name": "lstm"}})
    assert settings.train.steps == 8
    assert settings.train.batch_size == task.suggested["train"]["batch_size"]
    assert settings.model == {"name": "lstm", "hidden_size": 50, "embedding_size": 30}
    assert settings.run == config.RunOptions()


def test_a_configuration_survives_toml():
    settings, _ = config.resolve(RECALL, {"optimizer": {"rule": "sgd", "options": {"momentum": 0.9}}})
    again, _ = config.resolve(tomllib.loads(settings.to_toml()))
    assert again == settings


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"train": {"steps": 0}}, "train.steps must be at least 1"),
        ({"train": {"steps": 1.5}}, "train.steps must be of type int"),
        ({"train": {"steps": True}}, "train.steps must be of type int"),
        ({"train": {"patience": -1}}, "train.patience must be zero"),
        ({"run": {"dtype": "float16"}}, "run.dtype must be one of float32, float64"),
        ({"run": {"threads": 0}}, "run.threads must be at least 1"),
        ({"optimizer": {"lr": float("nan")}}, "optimizer.lr must be positive"),
        ({"model": {"hidden_size": "many"}}, "model.hidden_size must be of type int"),
        ({"train": {"stop_at": "soon"}}, "train.stop_at must be of type float"),
        ({"optimizer": {"options": 3}}, "optimizer.options must be of type dict"),
    ],
)
def test_every_value_is_checked_by_type_and_range(tables, sentence):
    with pytest.raises(UsageError, match=sentence):
        config.resolve(RECALL, tables)


def test_an_integer_is_a_fine_float():
    assert config.resolve(RECALL, {"optimizer": {"lr": 1}})[0].optimizer.lr == 1.0
