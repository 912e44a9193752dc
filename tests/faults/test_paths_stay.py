"""No name in a file, a configuration or an archive leads out of the folder that it belongs to."""

import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promises import some

from minirnn import catalog, checkpoint, config, presets, reproduction, toml
from minirnn.errors import UsageError
from minirnn.runs import BEST, CHECKPOINT, CONFIG, METRICS, Run
from minirnn.sweeps import Ledger, Sweep, jobs, plan, results, work
from minirnn.trained import load_model

HOSTILE = ("../out", "../../out", "/out", "a/../../out", "..", ".", "", "~", "~root", "a/b", "a\\b", "C:\\out", "a\0b",
           "\n", "-rf", "%2e%2e%2fout", "..\u2215out", "a" * 300, "con", "$HOME", "`id`", "*", "a\u202eb")
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=80))
TINY = {
    "task": {"name": "recall", "length": 4}, "model": {"name": "rnn", "hidden_size": 3, "embedding_size": 2},
    "train": {"batch_size": 2, "steps": 2, "evaluate_every": 1},
}


def folder_of(case):
    """The name of the folder of a run of that case."""
    return jobs._job(jobs.Point(case, {"model.name": case}, {}), {"run": {"seed": 0}}).name


def assert_is_a_name(name):
    """A plain name of a file, on every operating system."""
    assert name == name.strip(" .")
    assert name not in ("", ".", "..")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")
    assert len(name) < 100


@pytest.mark.promise("paths-stay")
def test_whatever_a_case_is_called_its_folder_has_a_plain_name(tried):
    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(NAMES)
    def check(name):
        assert_is_a_name(folder_of(name))
        tried(1)

    check()


@pytest.mark.promise("paths-stay")
@pytest.mark.parametrize("name", some(filter(None, HOSTILE), short=1))
def test_a_sweep_with_a_hostile_case_writes_into_its_folder_alone(tmp_path, name):
    folder = tmp_path / "deep" / "er" / "sweep"
    ledger = Ledger(folder)
    ledger.create()
    (job,) = plan(Sweep.of({"cases": {name: TINY}}, "x"))
    entry = work.execute(folder, job, lambda said: None)
    results.write(folder, [job], ledger)
    assert entry["status"] == "finished", entry
    assert {path.relative_to(tmp_path).parts[:3] for path in tmp_path.rglob("*") if path.is_file()} == {
        ("deep", "er", "sweep")}


@pytest.mark.promise("paths-stay")
@pytest.mark.parametrize("name", some(HOSTILE, short=1))
def test_a_ledger_that_names_another_folder_is_not_followed(tmp_path, name):
    folder = tmp_path / "sweep"
    ledger = Ledger(folder)
    ledger.create()
    (job,) = plan(Sweep.of(TINY, "x"))
    (folder / "ledger" / f"{job.id}.json").write_text(json.dumps({"status": "failed", "folder": name, "error": ""}))
    assert work.execute(folder, job, lambda said: None, retry=True)["status"] == "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["sweep"]
    assert [path.name for path in (folder / "runs").iterdir()] == [job.name]


@pytest.mark.promise("paths-stay")
@pytest.mark.parametrize("find", [
    presets.find, reproduction.find, lambda name: catalog.find("tasks", name),
    lambda name: catalog.find("models", name),
], ids=["presets", "targets", "tasks", "models"])
def test_a_name_is_looked_up_and_never_made_a_path(find, tried, monkeypatch):
    opened = []
    monkeypatch.setattr(Path, "open", lambda self, *_, **__: opened.append(self) or io.StringIO())
    for name in HOSTILE:
        with pytest.raises(UsageError):
            find(name)
    assert opened == []
    tried(len(HOSTILE))


@pytest.mark.promise("paths-stay")
def test_members_of_an_archive_are_never_files(tmp_path, tried):
    for name in HOSTILE:
        with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
            for member, x in ((name, np.zeros(1)), ("about", np.asarray('{"format": 1}'))):
                content = io.BytesIO()
                np.lib.format.write_array(content, np.asarray(x), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{member}.npy"), content.getvalue())
        with suppress(UsageError):
            checkpoint.load(tmp_path / "c.npz")
        assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]
    tried(len(HOSTILE))


@pytest.mark.promise("paths-stay")
@pytest.mark.parametrize("name", some(HOSTILE, short=2))
def test_a_configuration_cannot_send_a_run_elsewhere(tmp_path, name):
    """What names a path in a configuration is where data are read; where a run writes is the command line's to say."""
    try:
        tables = toml.merge(TINY, {"run": {"preset": name, "scale": name}, "task": {"name": "recall"}})
        run = Run.create(tmp_path / "a", *config.resolve(tables))
    except UsageError:
        return
    list(run.train())
    run.log_tests(run.test())
    load_model(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert {path.name for path in (tmp_path / "a").iterdir()} <= {CONFIG, METRICS, CHECKPOINT, BEST, ".lock"}


@pytest.mark.control("paths-stay")
@pytest.mark.parametrize("name", ["../out", "/out", "a/b", "..", "a\0b"])
def test_a_name_that_is_taken_as_it_is_is_noticed(name):
    with pytest.raises(AssertionError):
        assert_is_a_name(name)


@pytest.mark.control("paths-stay")
def test_a_sweep_that_believes_its_cases_is_noticed(monkeypatch):
    monkeypatch.setattr(jobs.re, "sub", lambda pattern, by, text: text)
    with pytest.raises(AssertionError):
        assert_is_a_name(folder_of("../out"))
