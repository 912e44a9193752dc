"""The README's example runs, its quoted code is the source's, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)


def test_the_library_example_runs_and_learns(capsys):
    (example,) = [block for block in BLOCKS if block.startswith("import")]
    assert len(example.strip().splitlines()) <= 16
    exec(compile(example, "README.md", "exec"), {})
    loss, baseline = map(float, re.findall(r"\d+\.\d+", capsys.readouterr().out))
    assert loss < baseline


def test_the_quoted_cell_is_the_source():
    (quoted,) = [block for block in BLOCKS if "def step" in block]
    assert quoted in (ROOT / "minirnn/cells/elman.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_a_link_leads_somewhere(link):
    assert (ROOT / link).exists()
