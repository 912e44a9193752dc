"""What is released: the source distribution, the wheel built from it, and that wheel in an empty environment."""

import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import matrix
import pytest
from filelock import FileLock

import minirnn

ROOT = Path(__file__).parents[1]


def is_installed(name):
    """Not whether it can be imported: a folder build/ can, as an installation from the clone leaves it."""
    return any(distributions(name=name))


BUILDS = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed("build"), reason="needs build, which the extra dev brings"),
]
CODE = {".py", ".cu", ".html", ".toml", ".json", ".typed"}


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """Of the processes that run these tests side by side, one builds at a time: each writes into the clone."""
    with FileLock(tmp_path_factory.getbasetemp().parent / "build.lock"):
        return matrix.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def installed(released, tmp_path_factory):
    """The programs of an environment that has the wheel and what it requires, and none of the extras."""
    folder = tmp_path_factory.mktemp("env")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([programs / "python", *matrix.PIP, released[1]], check=True)
    return programs


def tracked(*folders):
    """{path below the repository} of the files of these folders that git knows."""
    said = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    if said.returncode:
        pytest.skip("needs the repository, to know which files are part of it")
    return set(said.stdout.split("\n")) - {""}


@pytest.mark.parametrize("folder", ["minirnn", "tasks", "benchmarks"])
class TestFiles:
    pytestmark = BUILDS

    def test_the_wheel_holds_every_file_of_the_package(self, released, folder):
        inside = "" if folder == "minirnn" else "minirnn/"
        wanted = {inside + name for name in tracked(folder) if Path(name).suffix in CODE}
        assert len(wanted) > 10
        assert wanted <= set(zipfile.ZipFile(released[1]).namelist())

    def test_the_source_distribution_holds_every_file_and_the_tests(self, released, folder):
        with tarfile.open(released[0]) as archive:
            held = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
        assert tracked(folder, "tests", "docs", "Makefile", "pyproject.toml", "CHANGELOG.md") <= held


class TestInstalled:
    pytestmark = BUILDS

    def test_the_wheel_holds_nothing_beside_the_package(self, released):
        top = {name.split("/")[0] for name in zipfile.ZipFile(released[1]).namelist()}
        assert top == {"minirnn", f"minirnn-{minirnn.__version__}.dist-info"}

    @pytest.mark.parametrize("words", [
        "--version", "doctor", "list", "list presets", "gradcheck elman", "explain cayley", "errata 1",
        "run recall --length 5 --hidden-size 4 --steps 2 --evaluate-every 2 --json --dir a",
        "run --preset arjovsky-adding/urnn-100 --steps 1 --batch-size 2 --json --dir b", "inspect --help",
    ])
    def test_a_command_runs_without_any_extra(self, installed, tmp_path, words):
        done = subprocess.run([installed / "minirnn", *words.split()], cwd=tmp_path, capture_output=True, text=True,
                              env={**os.environ, "PYTHONWARNINGS": "error"}, check=False)
        assert done.returncode == 0, done.stderr                    # a warning would be an error
        assert "Traceback" not in done.stderr
        assert done.stdout

    def test_what_needs_an_extra_says_which(self, installed, tmp_path):
        words = "run", "recall", "--length", "5", "--steps", "1", "--quiet", "--dir", "a"
        subprocess.run([installed / "minirnn", *words], cwd=tmp_path, check=True)
        done = subprocess.run([installed / "minirnn", "plot", "a"], cwd=tmp_path, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 2
        assert "pip install 'minirnn[" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_its_metadata_is_complete(self, released):
        said = matrix.metadata(released[1])
        assert said["Requires-Python"] == ">=3.11"
        assert said["License"] == "MIT"
        assert len(matrix.lower_bounds(released[1])) > 15           # every requirement has a bound, or it raises


USED = '''
import numpy as np

from minirnn import backend
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import lstm
from minirnn.optimizers import Adam, Optimizer
from minirnn.tasks.copy import Copy

task = Copy(length=5)
model = lstm(task.n_in, task.n_out, 8, rng=np.random.default_rng(0), symbols=True)
optimizer = Optimizer(model.params, [("*", Adam(0.01))])
batch = task.batch("train", 4, seed=0, step=0)
y, _, tape = model.forward(batch.x, read=len(batch.y))
value, cache = SoftmaxCrossEntropy().forward(y, batch)
optimizer.step(model.params, model.backward(SoftmaxCrossEntropy().backward(cache), tape))
place: str = backend.resolve("numpy")
'''
MISUSED = '''
optimizer.step(model.params)
Copy(length="five")
place = backend.device_memory("0").free + place
model.no_such_method()
'''


class TestTypes:
    pytestmark = [
        *BUILDS,
        pytest.mark.skipif(not is_installed("mypy"), reason="needs mypy, which the extra dev brings"),
    ]

    def checked(self, installed, tmp_path, text):
        (tmp_path / "user.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", installed / "python", "user.py"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    def test_a_user_s_program_is_checked_against_the_types_of_the_installed_package(self, installed, tmp_path):
        subprocess.run([installed / "python", "-c", USED], cwd=tmp_path, check=True)
        done = self.checked(installed, tmp_path, USED)
        assert done.returncode == 0, done.stdout

    def test_misuse_is_noticed(self, installed, tmp_path):
        """The control: the types are really there, or nothing would be wrong with these lines."""
        done = self.checked(installed, tmp_path, USED + MISUSED)
        lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
        first = USED.count("\n") + 2
        assert lines == set(range(first, first + 4)), done.stdout


def wheel(folder, *requirements):
    path = folder / "a-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        lines = ["Requires-Python: >=3.11", *(f"Requires-Dist: {r}" for r in requirements)]
        archive.writestr("a-1.dist-info/METADATA", "\n".join(lines))
    return path


def test_the_oldest_releases_are_the_lower_bounds(tmp_path):
    made = wheel(tmp_path, "numpy>=1.26", "dask[array]>=2024.8,<2030", 'pytest>=8; extra == "test"',
                 'torch>=2; extra == "bench"')
    assert matrix.lower_bounds(made) == ["numpy==1.26", "dask==2024.8", "pytest==8"]


def test_a_requirement_without_a_lower_bound_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'numpy' has no lower bound"):
        matrix.lower_bounds(wheel(tmp_path, "numpy"))


def test_this_python_is_among_those_that_are_found(monkeypatch):
    program = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if not program.exists():
        pytest.skip(f"{program} is not where this Python was installed from")
    monkeypatch.setenv("PATH", str(program.parent))
    assert sys.version_info[:2] in matrix.pythons()


def test_every_warning_is_an_error_in_the_tests(request):
    """Deprecations too: no exception is made for any."""
    assert request.config.getini("filterwarnings") == ["error"]
