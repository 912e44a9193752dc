"""The guide to sweeps is true: its file is a sweep, its words are the program's, and pages follow from their runs."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from minirnn import reproduction
from minirnn.reproduction import findings, judgement
from minirnn.reproduction.page import page
from minirnn.sweeps import Sweep, plan

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "results"
RUN = sorted(f"{file.parent.name}/{file.stem}" for file in RESULTS.glob("*/*.json"))
FOUND = (RESULTS / findings.PAGE).read_text(encoding="utf-8")
GUIDE = (DOCS / "guides" / "sweeps.md").read_text(encoding="utf-8")


def test_the_file_shown_is_a_sweep_of_as_many_runs_as_are_stated():
    (shown,) = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    (count,) = re.findall(r"list the (\d+) runs", GUIDE)
    assert len(plan(Sweep.of(tomllib.loads(shown), "memory.toml"))) == int(count)


def test_the_verdicts_listed_are_those_there_are():
    listed = re.findall(r"^\| ([a-z ]+) \| .*\|$", GUIDE.partition("| verdict |")[2].partition("\n\n")[0], re.MULTILINE)
    assert listed == [judgement.HOLDS, judgement.HERE, judgement.FAILS, judgement.OPEN]


def test_the_guide_names_every_target():
    listed = re.findall(r"`([a-z]+/[\w-]+)`", GUIDE.partition("| paper | targets |")[2])
    assert sorted(listed) == reproduction.names()


@pytest.mark.parametrize("name", RUN)
def test_a_page_follows_from_its_runs_and_the_target_as_it_is_now(name):
    saved = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    judged = reproduction.judge(reproduction.find(name), saved["scale"], saved["runs"])
    picture = RESULTS / f"{name}.png"
    text = page(judged, picture.name if picture.exists() else "")
    assert text == picture.with_suffix(".md").read_text(encoding="utf-8")
    assert judged.verdict == saved["verdict"]
    assert {row["status"] for row in saved["runs"]} <= {"finished", "failed"}, "a run that diverged is a result"
    assert len({row["run.seed"] for row in saved["runs"]}) >= 3
    assert rounded(json.loads(json.dumps(judged.as_json()))) == rounded(saved)


def rounded(tree):
    """Numbers to nine digits: SciPy's quantiles differ in the twelfth from release to release."""
    if isinstance(tree, dict):
        return {key: rounded(branch) for key, branch in tree.items()}
    if isinstance(tree, list):
        return [rounded(branch) for branch in tree]
    return float(f"{tree:.9g}") if isinstance(tree, float) else tree


def test_the_findings_have_the_verdicts_that_there_are(tmp_path):
    for file in [RESULTS / findings.PAGE, *RESULTS.glob("*/*.json")]:
        (tmp_path / file.relative_to(RESULTS)).parent.mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / file.relative_to(RESULTS))
    assert findings.update(tmp_path).read_text(encoding="utf-8") == FOUND


def test_the_findings_name_the_targets_that_have_no_verdict_yet():
    assert set(RUN) <= set(reproduction.names())
    listed = re.findall(r"`([a-z]+/[\w-]+)`", FOUND.partition("## Not run yet")[2])
    assert sorted(listed) == sorted(set(reproduction.names()) - set(RUN))
