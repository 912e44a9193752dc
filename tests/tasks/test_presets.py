"""The presets: complete, true to the tables they cite, and runnable."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from minirnn import catalog, config, presets
from minirnn.errors import UsageError
from minirnn.trainer import build

ROOT = Path(__file__).parents[2]
BIBLIOGRAPHY = (ROOT / "docs/bibliography.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^- \*\*([a-z0-9]+)\*\* ", BIBLIOGRAPHY, re.MULTILINE)
EVERY = [variant for name in presets.names() for variant in presets.variants(name)]
RUNS = [(name, scale) for name in EVERY for scale in ("", "quick")]

# As the papers print them; accuracies in percent.
PRINTED = {
    "chu-table-3": {        # losses and accuracies, N = 20, 50, 100
        "rnn-20": (2.33, 10.22), "rnn-50": (2.33, 10.56), "rnn-100": (2.33, 0.936),
        "urnn-20": (0.01, 99.98), "urnn-50": (0.01, 100.00), "urnn-100": (0.01, 100.00),
    },
    "chu-table-4": {        # N = 100, 200, 400
        "rnn-100": (1.52, 38.12), "rnn-200": (2.12, 34.15), "rnn-400": (1.20, 15.23),
        "urnn-100": (0.31, 92.01), "urnn-200": (0.21, 80.45), "urnn-400": (0.10, 56.73),
    },
    "chu-table-5": {        # perplexities, validation and test
        "rnn-abs": (784.53, 773.91), "rnn-relu": (754.65, 705.28), "rnn-leaky-relu": (756.48, 712.88),
        "urnn-abs": (717.12, 613.89), "urnn-relu": (720.88, 666.93), "urnn-leaky-relu": (869.21, 810.21),
    },
    "chu-table-6": {        # bounds, lower and upper
        "urnn-abs": (10, 10), "urnn-relu": (0, 14.14), "urnn-leaky-relu": (9.3e-10, 14.14),
        "rnn-abs": (), "rnn-relu": (), "rnn-leaky-relu": (),
    },
    "chu-table-7": {        # BPTT 35, 150
        "gru-35": (100.80, 97.25), "gru-150": (108.33, 105.34),
        "ugru-35": (101.76, 98.05), "ugru-150": (105.05, 102.07),
    },
    "vorontsov-table-1": {
        "margin-0": (77.18,), "margin-0.001": (79.26,), "margin-0.01": (85.47,), "margin-0.1": (94.10,),
        "margin-1": (93.84,), "none": (93.24,), "glorot": (66.71,), "identity": (53.53,), "lstm": (97.30,),
    },
    "vorontsov-table-2": {
        "margin-0": (83.56,), "margin-0.001": (84.59,), "margin-0.01": (89.63,), "margin-0.1": (91.44,),
        "margin-1": (90.83,), "none": (90.51,), "glorot": (79.33,), "identity": (42.72,), "lstm": (92.62,),
    },
    "vorontsov-table-3": {  # bits per character and accuracy
        "margin-0": (2.16, 55.31), "margin-0.01": (2.16, 55.33), "margin-0.1": (2.12, 55.37), "margin-1": (2.06, 57.07),
        "margin-100": (2.04, 57.51), "none": (2.06, 57.38), "glorot": (2.08, 57.37), "identity": (2.25, 53.83),
    },
    "vorontsov-table-4": {
        "margin-0": (2.20, 54.88), "margin-0.01": (2.20, 54.83), "margin-0.1": (2.24, 54.10), "margin-1": (2.36, 51.12),
        "margin-100": (2.36, 51.20), "none": (2.34, 51.30), "glorot": (2.34, 51.04), "identity": (2.68, 45.35),
    },
}
KEYS = {
    "chu-table-3": ["test_loss", "test_accuracy"],
    "chu-table-4": ["test_loss", "test_accuracy"],
    "chu-table-5": ["valid_perplexity", "test_perplexity"],
    "chu-table-6": ["norm_lower_bound", "norm_upper_bound"],
    "chu-table-7": ["valid_perplexity", "test_perplexity"],
    "vorontsov-table-1": ["test_accuracy"],
    "vorontsov-table-2": ["test_accuracy"],
    "vorontsov-table-3": ["test_bpc", "test_accuracy"],
    "vorontsov-table-4": ["test_bpc", "test_accuracy"],
}


def tiny(preset):
    """Overrides under which any preset takes two steps in a moment."""
    task = catalog.find("tasks", preset.tables["task"]["name"])
    known = inspect.signature(task).parameters
    model = {"hidden_size": 8} | ({"embedding_size": 6} if "embedding_size" in preset.tables["model"] else {})
    model |= {key: 3 for key in ("negative", "rotations") if key in preset.tables["model"]}
    length = {"length": 12} if "length" in known else {"window": 5} if "window" in known else {}
    return {"task": length, "model": model, "train": {"batch_size": 2, "steps": 2}}


# -- the files ---------------------------------------------------------------------------------------------------------


def test_there_is_a_preset_for_every_table_and_figure_of_the_four_documents():
    assert set(presets.names()) >= set(PRINTED) | {
        "vorontsov-figure-1", "vorontsov-figure-5", "dorobantu-section-6", "helfrich-copying", "helfrich-adding",
        "helfrich-mnist", "arjovsky-copying", "arjovsky-mnist", "wisdom-copying", "wisdom-mnist",
    }


@pytest.mark.parametrize("name", EVERY)
def test_a_preset_cites_an_entry_of_the_bibliography_and_says_what_was_published(name):
    preset = presets.find(name)
    key, _, locator = preset.source.partition(", ")
    assert key in ENTRIES
    assert locator
    assert preset.said()
    assert preset.minutes > 0


@pytest.mark.parametrize("name", PRINTED)
def test_published_numbers_are_those_of_the_table(name):
    found = {variant.partition("/")[2]: presets.find(variant).published for variant in presets.variants(name)}
    wanted = {
        variant: dict(zip(KEYS[name], numbers, strict=bool(numbers))) for variant, numbers in PRINTED[name].items()
    }
    assert found == wanted
    assert presets.find(presets.variants(name)[0]).source.endswith(f"Table {name[-1]}")


@pytest.mark.parametrize("name", sorted(set(presets.names()) - set(PRINTED)))
def test_no_number_is_given_where_no_table_was_at_hand(name):
    assert all(not presets.find(variant).published for variant in presets.variants(name))
    assert all(presets.find(variant).claim for variant in presets.variants(name))


@pytest.mark.parametrize("name", presets.names())
def test_the_quick_scale_costs_minutes(name):
    for variant in presets.variants(name):
        assert presets.find(variant, "quick").minutes <= min(5, presets.find(variant).minutes)


@pytest.mark.parametrize(("name", "scale"), RUNS)
def test_a_preset_leaves_nothing_to_suggestions_and_its_numbers_fit_the_tasks_metrics(name, scale):
    preset = presets.find(name, scale)
    assert {"rule", "lr"} <= preset.tables["optimizer"].keys()
    assert {"batch_size", "steps", "evaluate_every"} <= preset.tables["train"].keys()
    assert {"name", "hidden_size"} <= preset.tables["model"].keys()
    task = catalog.find("tasks", preset.tables["task"]["name"])
    known = {"loss", *task.metrics, *task.report}
    metrics = {key.partition("_")[2] for key in preset.published if not key.startswith("norm")}
    assert metrics <= known


# -- and that they run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "scale"), RUNS)
def test_a_preset_builds_and_takes_two_steps(name, scale, data_folder):
    preset = presets.find(name, scale)
    settings, task = config.resolve(preset.tables, tiny(preset), {"run": {"data_dir": str(data_folder)}})
    trainer = build(settings, task)
    assert all(np.isfinite(float(np.max(np.ravel(trainer.update(step))))) for step in range(2))


# -- finding them ------------------------------------------------------------------------------------------------------


def test_the_layers_are_base_variant_scale_and_the_scale_of_the_variant():
    full, quick = presets.find("chu-table-3/urnn-50"), presets.find("chu-table-3/urnn-50", "quick")
    assert (full.tables["train"]["steps"], quick.tables["train"]["steps"]) == (20_000, 10_000)
    assert (full.tables["model"]["dropout"], quick.tables["model"]["dropout"]) == (0.2, 0.0)
    assert (full.tables["model"]["activation"], quick.tables["model"]["activation"]) == ("relu", "abs")
    assert quick.tables["task"] == full.tables["task"] == {"name": "recall", "values": 10, "length": 50}
    assert quick.tables["run"] == {"preset": "chu-table-3/urnn-50", "scale": "quick"}


def test_a_bare_name_stands_for_the_first_variant():
    assert presets.find("chu-table-3").name == presets.variants("chu-table-3")[0]


@pytest.mark.parametrize(
    ("name", "scale", "sentence"),
    [
        ("chu-tabel-3", "", "there is no preset 'chu-tabel-3'; did you mean 'chu-table-3'?"),
        ("chu-table-3/urnn-5", "", "no variant of the preset chu-table-3 called 'urnn-5'; did you mean 'urnn-50'?"),
        ("chu-table-3", "quik", "no scale of the preset chu-table-3 called 'quik'; did you mean 'quick'?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, scale, sentence):
    with pytest.raises(UsageError) as error:
        presets.find(name, scale)
    assert sentence in str(error.value)


def test_a_misspelt_key_of_a_preset_file_is_named(tmp_path, monkeypatch):
    text = (presets.FOLDER / "chu-table-3.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace("unstated = [", "unsaid = [", 1), encoding="utf-8")
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    with pytest.raises(UsageError, match="did you mean 'unstated'"):
        presets.find("mine")


@pytest.mark.parametrize(("minutes", "text"), [(0.3, "18 s"), (1.5, "1.5 min"), (90, "1.5 h"), (4800, "3.3 d")])
def test_a_duration_has_a_fitting_unit(minutes, text):
    assert presets.duration(minutes) == text
