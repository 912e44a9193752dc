"""What is written of a judgement: the page, the same as JSON, the curves, and the table of all verdicts."""

import json

import pytest

from minirnn import reproduction
from minirnn.errors import UsageError
from minirnn.reproduction import findings, picture, target
from minirnn.reproduction.page import page
from minirnn.reproduction.wording import shown, words
from minirnn.reproduction.written import write


def prose(text):
    return [line for line in text.splitlines() if not line.startswith("|")]


def a_run(folder, step_and_accuracy):
    folder.mkdir(parents=True)
    records = [{"split": "valid", "step": step, "loss": 1.0, "accuracy": x} for step, x in step_and_accuracy]
    records += [{"split": "watch", "step": step, "diagnostic": "spectrum", "layer": "rnn.0", "singular_mean": x}
                for step, x in step_and_accuracy]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / "config.toml").write_text('[task]\nname = "recall"\n[model]\nname = "rnn"\n')


def test_the_page_shows_the_published_number_and_every_seed(toy, tmp_path):
    judged = toy.judge(vanilla=[0.1, None, 0.09])
    text = page(judged)
    for number in ("99.98 %", "10.22 %", "99.90 %", "100.00 %", "99.80 %", "10.00 %", "9.00 %"):
        assert number in text
    assert f"**Verdict: {judged.verdict}.** Scale quick: 100 updates." in text
    assert "* vanilla, seed 1: diverged" in text
    assert "minirnn reproduce toys/recall --scale quick --seeds 3" in text
    assert max(map(len, prose(text))) <= 120
    found = json.loads(write(tmp_path, judged, tmp_path / "runs").with_suffix(".json").read_text())
    (line,) = [line for line in found["tables"]["test_best_accuracy"] if line["case"] == "vanilla"]
    assert (line["seeds"], line["published"]) == ({"0": 0.1, "2": 0.09}, 0.1022)
    assert found["verdict"] == judged.verdict


def test_a_single_seed_decides_nothing_and_can_be_written(toy, tmp_path):
    judged = toy.judge(orthogonal=[1.0], vanilla=[0.1], free=[1.0])
    assert judged.verdict == "undecided"
    found = json.loads(write(tmp_path, judged, tmp_path).with_suffix(".json").read_text())
    assert [line["low"] for line in found["tables"]["test_best_accuracy"]] == [None] * 3


def test_each_metric_has_a_table_and_a_run_without_its_goal_is_marked(toy):
    toy.content["accept"].append({"rule": "ratio", "metric": "steps", "case": "vanilla", "over": "free", "above": 1})
    toy.content["cases"]["vanilla"]["published"] = {"test_best_accuracy": 0.1022, "steps": "thousands"}
    judged = toy.judge()
    for row in judged.rows:
        row |= {"steps": 3000, "ended_by": "steps"} if row["case"] == "vanilla" else {}
    text = page(judged)
    assert judged.metrics == ["test_best_accuracy", "steps"]
    assert "| vanilla | thousands | 3,000, 3,000 to 3,000 | 3,000, not reached |" in text
    assert "| free, W₀ = I |  | 10, 10 to 10 | 10 |" in text
    assert "A run that did not reach the goal counts with all its updates." in " ".join(text.split())
    assert "orthogonal" not in text.partition("Updates until the goal")[2].partition("What decides")[0]


def test_the_page_says_what_is_our_own_what_is_left_out_and_what_was_seen_otherwise(toy):
    about = toy.content["scale"]["quick"] | {"leave_out": ["free"]}
    more = {"design": "our own", "published_as": "In a figure.", "sensitivity": ["the rate"], "chose": ["the bar"]}
    made = target.read("toys/recall", toy.content | more | {"scale": {"quick": about}})
    text = page(reproduction.judge(made, "quick", toy.judge().rows), "recall.png")
    for said in ("our own design", "Left out at this scale: free, W₀ = I.", "**Published.** In a figure.", "* the rate",
                 "* the bar", "](recall.png)"):
        assert said in text


@pytest.mark.parametrize(("metric", "said"), [
    ("test_best_accuracy", "test accuracy of the best validation"),
    ("valid_last_bpc", "valid bpc after the last update"),
    ("baseline_accuracy", "accuracy of the best guess without memory"),
    ("steps", "updates until the goal was reached"),
    ("watch_singular_mean_last", "singular mean, at the end"),
    ("end_noise_loss_0.1", "noise loss 0.1, of the trained network"),
])
def test_a_metric_has_words(metric, said):
    assert words(metric) == said
    assert words(metric, {metric: "mine"}) == "mine"


def test_a_number_is_written_as_its_metric_asks():
    assert shown("steps", 12345.0) == "12,345"
    assert shown("test_best_accuracy", 0.5) == shown("end_noise_accuracy_0.1", 0.5) == "50.00 %"
    assert shown("watch_fro_mean_t1_last", 10.01) == "10.01"
    assert shown("test_best_perplexity", 1471.36) == "1471"


def test_curves_are_drawn_of_the_metric_that_judges(toy, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra minirnn[plot]")
    toy.content["cases"]["free"]["panel"] = "control"
    judged = toy.judge()
    assert picture.draw(judged, tmp_path) is None
    assert not picture.save(judged, tmp_path, tmp_path / "a.png")
    for row in judged.rows:
        a_run(tmp_path / row["folder"], [(50, 0.1), (100, 0.2 + 0.1 * row["run.seed"])])
    figure = picture.draw(judged, tmp_path)
    assert [ax.get_title() for ax in figure.axes] == ["", "control"]
    assert [len(ax.lines) for ax in figure.axes] == [6, 3]
    assert list(figure.axes[1].lines[2].get_ydata()) == [10, 40]
    assert {line.get_color() for line in figure.axes[1].lines[:3]} == {figure.axes[1].lines[0].get_color()}
    watched = reproduction.judge(
        target.read("toys/recall", toy.content | {"metric": "watch_singular_mean_last"}), "quick", judged.rows)
    assert list(picture.draw(watched, tmp_path).axes[1].lines[2].get_ydata()) == [0.1, 0.4]
    text = write(tmp_path / "out", judged, tmp_path).read_text()
    assert "](recall.png)" in text
    assert (tmp_path / "out/toys/recall.png").is_file()


def test_the_findings_are_the_verdicts_between_what_is_written_by_hand(toy, tmp_path):
    with pytest.raises(UsageError, match="there are no verdicts in"):
        findings.update(tmp_path)
    write(tmp_path, toy.judge(), tmp_path)
    first = findings.update(tmp_path).read_text()
    assert "[toys/recall](toys/recall.md)" in first
    assert "**holds at this scale** (quick)" in first
    assert "| vanilla | test accuracy of the best validation | 10.22 % | 10.00 % |" in first
    assert "| free" not in first, "nothing was published of it"
    (tmp_path / "index.md").write_text("Before.\n" + first + "After.\n")
    write(tmp_path, toy.judge(vanilla=[0.5, 0.5, 0.5]), tmp_path)
    second = findings.update(tmp_path).read_text()
    assert second.startswith("Before.\n")
    assert second.endswith("After.\n")
    assert "**does not hold** (quick)" in second
    assert "vanilla: below 13.00 %: no" in second
    assert findings.update(tmp_path).read_text() == second
    (tmp_path / "toys/other.json").write_text("{}")
    with pytest.raises(UsageError, match="is no verdict of this version"):
        findings.update(tmp_path)
    (tmp_path / "toys/other.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read as a verdict"):
        findings.update(tmp_path)
    (tmp_path / "toys/other.json").unlink()
    (tmp_path / "index.md").write_text("# Mine\n")
    with pytest.raises(UsageError, match="has no place for the table"):
        findings.update(tmp_path)
