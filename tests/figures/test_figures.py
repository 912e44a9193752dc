"""Pictures: of whole, unfinished, empty and damaged runs; what is missing is said, and nothing fails."""

import json
import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

from minirnn import catalog, figures
from minirnn.cli import _run
from minirnn.errors import UsageError
from minirnn.figures import heatmap, style
from minirnn.figures.labels import by_seed, labels
from minirnn.saved_run import SavedRun

pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")

KINDS = catalog.components("figures")
SHORT = ("--length", 6, "--hidden-size", 6, "--batch-size", 4, "--steps", 4, "--evaluate-every", 2, "--quiet")
WATCH = ("--watch", "gradient-flow,spectrum,loss-gradient", "--watch-every", 1)


def train(folder, *words, task="recall"):
    assert _run([str(word) for word in ("run", task, *SHORT, *words, "--dir", folder)]) == 0
    return SavedRun(folder)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    return [train(tmp_path_factory.mktemp("runs") / f"seed-{seed}", *WATCH, "--seed", seed) for seed in (0, 1)]


@pytest.fixture
def copied(watched, tmp_path):
    """A run's folder to damage."""
    return shutil.copytree(watched[0].folder, tmp_path / "run")


# -- every kind --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stacked", [False, True])
def test_every_kind_draws_a_watched_run(watched, kind, stacked):
    drawing = KINDS[kind](stacked=stacked).draw(watched)
    root = ElementTree.fromstring(style.render(drawing.figure, "svg"))
    assert root.tag.endswith("svg")
    assert style.render(drawing.figure, "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", KINDS)
def test_every_axis_is_labelled_and_every_picture_has_a_caption(watched, kind):
    figure = KINDS[kind]().draw(watched[:1]).figure
    assert figure.get_supxlabel()
    for ax in figure.axes:
        assert ax.get_xlabel() or ax.get_ylabel()


@pytest.mark.parametrize("kind", [kind for kind, Kind in KINDS.items() if Kind.sources])
def test_a_picture_of_a_source_names_it(watched, kind):
    assert KINDS[kind].sources[0] in KINDS[kind]().draw(watched[:1]).figure.get_supxlabel().replace("\n", " ")


MODELS = ("--model", "lstm"), ("--model", "urnn"), ("--model", "rnn", "--layers", 2), ("--model", "gru")


@pytest.fixture(scope="module", params=MODELS, ids=lambda words: " ".join(map(str, words)))
def unwatched(request, tmp_path_factory):
    """A run of which nothing but a checkpoint is known."""
    return train(tmp_path_factory.mktemp("runs") / "run", *request.param)


@pytest.mark.parametrize("kind", [
    "spectrum", "jacobian", "loss-gradient", "pseudospectrum", "task-example", "robustness",
])
def test_a_checkpoint_is_enough_where_nothing_was_watched(unwatched, kind):
    assert style.render(KINDS[kind]().draw([unwatched]).figure, "png")


@pytest.mark.parametrize("task", ["copy", "adding"])
def test_an_example_of_every_sort_of_task_is_drawn(tmp_path, task):
    assert KINDS["task-example"]().draw([train(tmp_path / "run", task=task)]).notes == []


def test_the_same_picture_is_the_same_file(watched):
    assert len({style.render(KINDS["curves"]().draw(watched).figure, "svg") for _ in range(2)}) == 1


# -- what the lines are ------------------------------------------------------------------------------------------------


def test_seeds_become_their_mean_between_smallest_and_largest(watched):
    figure = KINDS["curves"]().draw(watched).figure
    left = figure.axes[0]
    mean = next(line for line in left.get_lines() if line.get_label() == "validation (2 seeds)")
    wanted = np.mean([[r["loss"] for r in run.of("valid")] for run in watched], axis=0)
    assert np.allclose(mean.get_ydata(), wanted)
    band = left.collections[0].get_paths()[0].vertices[:, 1]
    losses = [r["loss"] for run in watched for r in run.of("valid")]
    assert np.isclose(band.min(), min(losses))
    assert np.isclose(band.max(), max(losses))


def test_the_baseline_is_drawn_where_the_task_has_it(watched):
    figure = KINDS["curves"]().draw(watched).figure
    levels = [line.get_ydata()[0] for ax in figure.axes for line in ax.get_lines() if line.get_label() == "no memory"]
    assert levels == [pytest.approx(np.log(10)), pytest.approx(10)]


def test_an_orthogonal_network_with_abs_is_drawn_at_the_root_of_n(watched):
    ax = KINDS["jacobian"]().draw(watched[:1]).figure.axes[0]
    measured = next(line for line in ax.get_lines() if line.get_label() == "measured")
    assert np.allclose(measured.get_ydata(), np.sqrt(6), rtol=1e-5)


def test_a_heatmap_keeps_uneven_updates_apart_and_aligns_short_sequences():
    records = [{"step": 0, "t": [0, 1, 2], "x": [1, 2, 3]}, {"step": 10, "t": [0, 1], "x": [4, None]}]
    steps, t, values = heatmap.table(records, "x")
    assert list(steps) == [0, 10]
    assert list(t) == [0, 1, 2]
    assert np.array_equal(values, [[1, 4], [2, np.nan], [3, np.nan]], equal_nan=True)
    assert list(heatmap.edges(np.array([0, 10, 40]))) == [-5, 5, 25, 55]
    assert list(heatmap.edges(np.array([7]))) == [6.5, 7.5]


# -- what tells runs apart ---------------------------------------------------------------------------------------------


def test_labels_are_what_differs(tmp_path):
    runs = [train(tmp_path / name, *words) for name, words in {
        "a": ("--lr", 0.01), "b": ("--lr", 0.02), "c": ("--lr", 0.02, "--seed", 1),
    }.items()]
    assert labels(runs[:2]) == (["lr 0.01", "lr 0.02"], [])
    assert labels(runs[1:]) == (["seed 0", "seed 1"], [])
    assert [[run.name for run in group] for group in by_seed(runs)] == [["a"], ["b", "c"]]


def test_runs_that_differ_in_much_get_short_labels_and_a_note(watched, tmp_path):
    other = train(tmp_path / "other", "--model", "lstm", "--lr", 0.5, "--rule", "sgd", "--clip-norm", 1)
    names, notes = labels([watched[0], other])
    assert names == ["urnn-exp", "lstm"]
    assert "optimizer.lr" in notes[0]


def test_equal_runs_are_called_by_their_folders(copied, watched):
    assert labels([watched[0], SavedRun(copied)])[0] == ["seed-0", "run"]


# -- what is missing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["empty", "no-checkpoint", "no-metrics", "no-config", "garbage"])
def test_a_damaged_run_is_drawn_as_far_as_it_goes_or_refused_in_one_sentence(copied, kind, damage):
    if damage == "empty":
        (copied / "metrics.jsonl").write_text("")
        (copied / "checkpoint.npz").unlink()
        (copied / "best.npz").unlink()
    elif damage == "garbage":
        (copied / "metrics.jsonl").write_bytes(b"\xff\xfe[1, 2]\n")
        (copied / "checkpoint.npz").write_bytes(b"no archive")
        (copied / "best.npz").write_bytes(b"no archive")
        (copied / "config.toml").write_text("[task\n")
    else:
        name = {"no-checkpoint": "checkpoint.npz", "no-metrics": "metrics.jsonl", "no-config": "config.toml"}[damage]
        (copied / name).unlink()
    drawing = refused = None
    try:
        drawing = KINDS[kind]().draw([SavedRun(copied)])
    except UsageError as error:
        refused = str(error)
    if drawing is None:
        assert re.fullmatch(r"nothing to draw: [^\n]+", refused)
    else:
        assert style.render(drawing.figure, "png")


def test_a_whole_run_beside_an_empty_one_is_drawn_and_the_other_named(copied, watched):
    (copied / "metrics.jsonl").write_text("")
    notes = KINDS["gradient-flow"]().draw([watched[1], SavedRun(copied)]).notes
    assert notes == [f"{copied} has no record of gradient-flow; train with --watch gradient-flow"]


def test_records_that_make_no_sense_are_left_out(copied):
    lines = ['{"split": "valid", "step": 2, "loss": 1.5}', "[1]", '{"split": "valid", "step": "x"}', '{"step": 4}',
             '{"split": "train", "step": 4, "loss": null}', '{"split": "train", "step": 5, "loss": NaN}', '{"split"']
    (copied / "metrics.jsonl").write_text("\n".join(lines))
    run = SavedRun(copied)
    assert [record["step"] for record in run.of("valid")] == [2]
    assert style.render(KINDS["curves"]().draw([run]).figure, "png")


@pytest.mark.parametrize("value", ["1.5", 10**400, True, None, [], ["1", "2"], [[1.0], [2.0]], [1.0, 2.0], {"a": 1}],
                         ids=lambda value: str(value)[:9])
@pytest.mark.parametrize(("kind", "name"), [
    ("gradient-flow", "fro_mean"), ("gradient-flow", "t"), ("loss-gradient", "mean"), ("spectrum", "singular_values"),
    ("spectrum", "singular_std"), ("spectrum", "eigenvalues"), ("vorontsov-figure-2", "last_mean"),
    ("vorontsov-figure-3", "singular_max"), ("chu-gradient-norms", "fro_min"), ("chu-gradient-norms", "examples"),
])
def test_a_watch_record_that_holds_something_else_than_numbers_is_refused_in_one_sentence(copied, kind, name, value):
    records = [json.loads(line) for line in (copied / "metrics.jsonl").read_text().splitlines()]
    changed = next(r for r in records if r["split"] == "watch" and name in r and r["step"] == 2)
    changed[name] = value
    (copied / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    said = rf"nothing to draw: [^\n]+metrics.jsonl is damaged: {changed['diagnostic']} at step 2 has not [^\n]+ {name}"
    with pytest.raises(UsageError, match=said):
        KINDS[kind]().draw([SavedRun(copied)])


def test_a_layer_that_was_not_watched_is_refused_with_those_that_were(watched):
    with pytest.raises(UsageError, match=r"watched spectrum of rnn\.0, not of rnn\.3"):
        KINDS["vorontsov-figure-3"](layer="rnn.3").draw(watched)


def test_more_runs_than_panels_are_named(watched):
    notes = KINDS["gradient-flow"]().draw([watched[0]] * 7).notes
    assert notes[0] == "a picture has 6 panels at most; left out: seed-0"


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"neither config\.toml nor metrics\.jsonl"):
        SavedRun(tmp_path)


@pytest.mark.parametrize("name", ["_a", "$x^$", "a\nb", "名前", "<script>"])
def test_any_folder_name_is_drawn_as_it_is(copied, watched, tmp_path, name):
    run = SavedRun(shutil.copytree(copied, tmp_path / name))
    drawing = KINDS["comparison"]().draw([watched[0], run])
    assert style.render(drawing.figure, "svg")


def test_a_picture_is_written_whole_or_not_at_all(watched, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match=r"rnn\.9"):
        figures.draw("gradient-flow", [watched[0]], path, "rnn.9")
    assert path.read_bytes() == b"old"
    assert figures.draw("gradient-flow", watched, path) == []
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]


# -- the papers' figures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind, Kind in KINDS.items() if Kind.recipe])
def test_the_recipe_of_a_figure_is_made_of_known_presets_and_watches_what_it_needs(kind):
    from minirnn import presets

    for words in KINDS[kind].recipe.values():
        parts = words.split()
        assert presets.find(parts[parts.index("--preset") + 1], parts[parts.index("--scale") + 1])
        assert catalog.find("diagnostics", parts[parts.index("--watch") + 1]).watchable


def test_the_norms_of_a_figure_are_those_of_the_records(watched):
    figure = KINDS["vorontsov-figure-2"]().draw(watched[:1]).figure
    image = figure.axes[0].collections[0].get_array()
    records = [r for r in watched[0].of("watch") if r["diagnostic"] == "loss-gradient"]
    wanted = np.array([r["last_mean"] for r in records]).T
    assert np.allclose(image, np.log10(wanted / wanted.max(axis=0)))
    assert json.loads(json.dumps(records[0]))["layer"] == "rnn.0"


def test_no_two_lines_of_a_picture_look_alike():
    looks = {(look["color"], look["linestyle"]) for look in map(style.line, range(28))}
    assert len(looks) == 28
