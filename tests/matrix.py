"""`make test-matrix`: the tests on an installed wheel, with the oldest and with the newest that is supported.

    oldest   the oldest Python of setup.py, and of each dependency the release at its lower bound
    newest   the newest Python on this machine, and of each dependency the newest release

The source distribution is built, the wheel is built from it, and each environment, in .matrix/, gets that wheel with
the extra `test`. The tests see the wheel and not the repository's modules: PYTHONSAFEPATH keeps the working folder off
the path. In the tests a deprecation warning is an error. An old release beside newer ones that it was not made for
warns of itself, so with the oldest deprecations are ignored.

    python tests/matrix.py oldest                        one of the two
    python tests/matrix.py newest tests/test_model.py    some of the tests, or other arguments of pytest
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".matrix"
PIP = "-m", "pip", "--disable-pip-version-check", "--quiet", "install"
IGNORED = [f"-Wignore::{kind}" for kind in ("DeprecationWarning", "PendingDeprecationWarning")]
SAFE = {**os.environ, "PYTHONSAFEPATH": "1"}
SHOWN = "numpy", "scipy", "click", "rich", "matplotlib", "pytest"


def build(folder: Path) -> tuple[Path, Path]:
    """(source distribution, the wheel built from it), both in `folder`, of an exact copy of what would be released.

    -P: a folder build/, as an installation from the clone leaves it, would be taken for the program of that name.
    """
    run([sys.executable, "-P", "-m", "build", "--outdir", str(folder), str(ROOT)], quiet=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def metadata(wheel: Path):
    """The wheel's own METADATA, as headers."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def lower_bounds(wheel: Path, extra: str = "test") -> list[str]:
    """"name==bound" for each requirement of the wheel and of the extra; raises ValueError for one without a bound."""
    pins = []
    for requirement in metadata(wheel).get_all("Requires-Dist"):
        wanted, _, marker = requirement.partition(";")
        if marker and f'extra == "{extra}"' not in marker.replace("'", '"'):
            continue
        found = re.match(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", wanted.replace(" ", ""))
        if found is None:
            raise ValueError(f"{wanted.strip()!r} has no lower bound; write name>=release in setup.py")
        pins.append(f"{found[1]}=={found[2]}")
    return pins


def pythons() -> dict[tuple[int, int], str]:
    """{version: program} of the Pythons found on the path and in pyenv, those that answer."""
    found = {}
    folders = [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    folders += sorted((Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("*/bin"))
    for program in (file for folder in folders for file in sorted(folder.glob("python3.[0-9]*"))):
        if re.fullmatch(r"python3\.\d+", program.name):
            said = subprocess.run([program, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"],
                                  capture_output=True, text=True, check=False)
            if said.returncode == 0:
                major, minor = map(int, said.stdout.split())
                found.setdefault((major, minor), str(program))
    return found


def environment(name: str, python: str, wheel: Path, pins: list[str]) -> Path:
    """A fresh virtual environment with the wheel and the extra `test`; its folder of programs."""
    shutil.rmtree(FOLDER / name, ignore_errors=True)
    run([python, "-m", "venv", str(FOLDER / name)])
    programs = FOLDER / name / ("Scripts" if os.name == "nt" else "bin")
    run([str(programs / "python"), *PIP, f"{wheel}[test]", *pins])
    return programs


def run(command: list[str], *, quiet: bool = False) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL if quiet else None, cwd=ROOT)


def main(words: list[str]) -> int:
    names = [word for word in words if word in ("oldest", "newest")] or ["oldest", "newest"]
    arguments = [word for word in words if word not in ("oldest", "newest")]
    there, results = pythons(), {}
    with tempfile.TemporaryDirectory() as folder:
        _, wheel = build(Path(folder))
        major, minor = map(int, metadata(wheel)["Requires-Python"].removeprefix(">=").split("."))
        chosen = {"oldest": (major, minor), "newest": max(there, default=(0, 0))}
        for name in names:
            version = chosen[name]
            if version not in there or version < (major, minor):
                found = ", ".join(f"{a}.{b}" for a, b in sorted(there)) or "none"
                said = f"Error: {name} needs Python {major}.{minor} (found {found}); put it on the path"
                print(said, file=sys.stderr)
                return 2
            programs = environment(name, there[version], wheel, lower_bounds(wheel) if name == "oldest" else [])
            releases = subprocess.run([str(programs / "python"), "-c", f"from importlib.metadata import version as v\n"
                                       f"print(', '.join(f'{{k}} {{v(k)}}' for k in {SHOWN}))"],
                                      capture_output=True, text=True, check=True).stdout.strip()
            label = f"{name}: Python {version[0]}.{version[1]}, {releases}"
            print(label, flush=True)
            command = [str(programs / "pytest"), *(IGNORED if name == "oldest" else []), *(arguments or ["-n", "auto"])]
            results[label] = subprocess.run(command, cwd=ROOT, env=SAFE, check=False).returncode
    for label, code in results.items():
        print(f"{'failed' if code else 'passed'}  {label}")
    return int(any(results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
