"""The guide to sweeps is true: its file is a sweep, its words are the program's, and pages follow from their runs."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from minirnn import reproduction
from minirnn.reproduction import judgement
from minirnn.reproduction.page import page
from minirnn.sweeps import Sweep, plan

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "guides" / "sweeps.md").read_text(encoding="utf-8")


def test_the_file_shown_is_a_sweep_of_as_many_runs_as_are_stated():
    (shown,) = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    (count,) = re.findall(r"list the (\d+) runs", GUIDE)
    assert len(plan(Sweep.of(tomllib.loads(shown), "memory.toml"))) == int(count)


def test_the_verdicts_listed_are_those_there_are():
    listed = re.findall(r"^\| ([a-z ]+) \| .*\|$", GUIDE.partition("| verdict |")[2], re.MULTILINE)
    assert listed == [judgement.HOLDS, judgement.HERE, judgement.FAILS, judgement.OPEN]


def test_the_guide_says_how_many_targets_there_are():
    assert len(reproduction.names()) == 1, "say in docs/guides/sweeps.md which targets there are"
    assert "There is one target so far" in GUIDE


@pytest.mark.parametrize("name", reproduction.names())
def test_a_page_follows_from_its_runs_and_the_target_as_it_is_now(name):
    saved = json.loads((DOCS / "results" / f"{name}.json").read_text(encoding="utf-8"))
    judged = reproduction.judge(reproduction.find(name), saved["scale"], saved["runs"])
    assert page(judged) == (DOCS / "results" / f"{name}.md").read_text(encoding="utf-8")
    assert judged.verdict == saved["verdict"]
    assert {row["status"] for row in saved["runs"]} == {"finished"}
    assert rounded(json.loads(json.dumps(judged.as_json()))) == rounded(saved)


def rounded(tree):
    """Numbers to nine digits: SciPy's quantiles differ in the twelfth from release to release."""
    if isinstance(tree, dict):
        return {key: rounded(branch) for key, branch in tree.items()}
    if isinstance(tree, list):
        return [rounded(branch) for branch in tree]
    return float(f"{tree:.9g}") if isinstance(tree, float) else tree
