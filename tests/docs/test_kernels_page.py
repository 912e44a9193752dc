"""docs/kernels.md against the code: the table of sizes, the sources, the files."""

import re
from pathlib import Path

import pytest

from minirnn.cells import GRU, LSTM, Elman, PeepholeLSTM
from minirnn.kernels import KERNELS, budget, programs

PAGE = (Path(__file__).parents[2] / "docs" / "kernels.md").read_text(encoding="utf-8")
CELLS = {"elman": Elman(), "lstm": LSTM(), "gru": GRU.sized(4), "peephole-lstm": PeepholeLSTM.sized(4)}


@pytest.mark.parametrize("name", CELLS)
def test_the_largest_sizes_are_as_stated(name):
    row = re.search(rf"^\| `{name}` ((?:\| \d+ ){{4}})\|$", PAGE, re.MULTILINE)
    stated = [int(k) for k in re.findall(r"\d+", row[1])]
    wanted = [budget.largest(CELLS[name], budget.SHARED[c], share) for share in (1.0, budget.SHARE) for c in (80, 90)]
    assert stated == wanted


def test_shared_memory_is_as_stated():
    stated = re.search(r"may have (\d+) KiB of shared memory on compute capability 9.0 and (\d+) KiB on 8.0", PAGE)
    assert [1024 * int(k) for k in stated.groups()] == [budget.SHARED[90], budget.SHARED[80]]


def test_every_source_and_every_kernel_is_on_the_page():
    assert set(re.findall(r"`(\w+\.cu)`", PAGE)) == {path.name for path in programs.FOLDER.glob("*.cu")}
    assert {name for name in KERNELS if f"| `{name}` |" in PAGE} == set(KERNELS)
