"""The tutorial runs: its wrong cell fails as the page shows, its fix passes, and both train as it says."""

import re
import sys
from pathlib import Path

import pytest

import minirnn.cells
from minirnn import catalog, gradcheck
from minirnn.cli import _run

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
PROSE = " ".join(PAGE.split())
WRONG, FIX, CONTROL, TRAINING = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SHOWN = re.findall(r"^```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
FULL, MESSAGE, ONE_STEP, FIXED, LEARNED = [text for text in SHOWN if not text.startswith("minirnn ")]
COMMANDS = [text.strip() for text in SHOWN if text.startswith("minirnn ")]
MISTAKES = re.findall(r"^\| .* in \((M\d+)\) \| `(.*)` \| (.*) \|$", PAGE, re.MULTILINE)
ROW = re.compile(r"^ +(\w+) +(\d+) +(\S+) +(\S+) +(\d\.\d\d) +(ok|FAILED)$", re.MULTILINE)
ROUNDING = 1e-8


def with_line(code, tag, line):
    """The code with `line` in the place of its line that bears the tag, at that line's indentation."""
    lines = code.splitlines()
    (k,) = [k for k, old in enumerate(lines) if old.rstrip().endswith(f"# ({tag})")]
    lines[k] = lines[k][: -len(lines[k].lstrip())] + line.strip()
    return "\n".join(lines) + "\n"


RIGHT = with_line(WRONG, "M10", FIX)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """command(code, words) -> (exit code, stdout, stderr) beside a my_cell.py that holds the code."""

    def call(code, words):
        (tmp_path / "my_cell.py").write_text(code, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        program, *rest = words.split()
        assert program == "minirnn"
        capsys.readouterr()
        return _run(rest), *capsys.readouterr()

    return call


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """run(cell, program) -> what the program prints where `my_cell` is that cell."""

    def call(cell, program):
        (tmp_path / "my_cell.py").write_text(cell, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "my_cell", raising=False)
        capsys.readouterr()
        exec(compile(program, "tutorial.md", "exec"), {})
        return capsys.readouterr().out

    yield call
    sys.modules.pop("my_cell", None)


def agree(printed, shown):
    """Failed rows agree in all they say, passed ones in what they are: where rounding errors lie is the machine's."""
    found, wanted = ROW.findall(printed), ROW.findall(shown)
    assert len(wanted) == 4
    assert [(name, size, verdict) for name, size, *_, verdict in found] == [(w[0], w[1], w[-1]) for w in wanted]
    for (name, _, error, at, slope, verdict), there in zip(found, wanted, strict=True):
        if verdict == "FAILED":
            assert float(error) == pytest.approx(float(there[2]), rel=0.06), name
            assert at == there[3], name
        else:
            assert max(float(error), float(there[2])) < ROUNDING, name
        assert float(slope) == pytest.approx(float(there[4]), abs=0.02), name
    closing = re.compile(r"4 gradients, .* limit 1e-07; (\d) failed")
    assert closing.search(printed)[1] == closing.search(shown)[1] == str(sum(w[-1] == "FAILED" for w in wanted))


def test_the_check_fails_as_shown(command):
    code, printed, said = command(WRONG, COMMANDS[0])
    assert code == 3
    agree(printed, FULL)
    number = r"-?\d+\.\d+(?:e[+-]\d+)?"
    third, shown = said[said.index("Error:") :].splitlines()[2], " ".join(MESSAGE.split())
    assert re.sub(number, "#", third) == re.sub(number, "#", shown)
    numbers = [float(found) for found in re.findall(number, shown)]
    found = [float(x) for x in re.findall(number, third)]
    assert found == pytest.approx(numbers, rel=1e-6, abs=ROUNDING)  # of a difference with h = 1.6e-7: a few ε|L|/h


def test_one_step_alone_narrows_it_down_as_shown(command):
    assert COMMANDS[1].endswith("--length 1")
    code, printed, _ = command(WRONG, COMMANDS[1])
    assert code == 3
    agree(printed, ONE_STEP)


def test_the_fix_passes_as_shown(command):
    code, printed, _ = command(RIGHT, COMMANDS[2])
    assert code == 0
    agree(printed, FIXED)


def test_each_backward_line_is_guarded(run):
    assert run(RIGHT, CONTROL).splitlines() == [f"M{k} caught" for k in range(7, 15)]


def test_both_gradients_train_as_shown(run):
    """Float32 sums differ by machine, so the losses on the way agree in size, not in digits."""
    shape = r"(\S+) at first, (\S+) after 100 updates, (\S+) after 300"
    first, *later = map(float, re.search(shape, LEARNED).groups())
    found = list(map(float, re.search(shape, run(RIGHT, TRAINING)).groups()))
    assert found[0] == pytest.approx(first, abs=0.02)
    assert found[1:] == pytest.approx(later, rel=0.5)
    wrong = list(map(float, re.search(shape, run(WRONG, TRAINING)).groups()))
    stated = re.search(r"train again: (\S+) after 100 updates, (\S+) after 300\.", PROSE).groups()
    assert wrong[1:] == pytest.approx(list(map(float, stated)), rel=0.5)
    assert wrong[1] > found[1]


def test_its_file_in_the_package_trains_from_the_command_line(command, tmp_path, monkeypatch):
    monkeypatch.setattr(minirnn.cells, "__path__", [*minirnn.cells.__path__, str(tmp_path)])
    try:
        code, printed, said = command(RIGHT, COMMANDS[3].replace("--steps 300", "--steps 2 --quiet --dir run"))
        assert code == 0, said
        assert "2 updates" in printed
        assert "my-cell" in catalog.components("cells")
    finally:
        sys.modules.pop("minirnn.cells.my_cell", None)
        vars(minirnn.cells).pop("my_cell", None)


@pytest.mark.parametrize(("tag", "line", "rows"), MISTAKES)
def test_a_mistake_fails_the_rows_that_the_table_names(tag, line, rows, tmp_path):
    (tmp_path / "my_cell.py").write_text(with_line(RIGHT, tag, line), encoding="utf-8")
    (found,) = gradcheck.check_file(tmp_path / "my_cell.py", length=1)
    assert {row.parameter for row in found if not row.passed} == set(re.findall(r"`(\w+)`", rows))


def test_the_table_of_mistakes_is_read():
    assert [tag for tag, _, _ in MISTAKES] == ["M9", "M11", "M12", "M13", "M14"]
