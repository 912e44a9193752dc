"""The site, built once for all tests that look at it, in however many processes they run."""

import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from minirnn.checkpoint import replace

DOCS = Path(__file__).parents[2] / "docs"
NEEDED = ("sphinx", "furo", "myst_parser", "sphinx-mathjax-offline")      # the last is a package, hyphens and all
MISSING = [name for name in NEEDED if find_spec(name) is None]
PATIENCE = 300      # seconds; a build takes about ten


@pytest.fixture(scope="session")
def build():
    """build(source, site): run Sphinx as `make docs` does, and return what it complains of."""
    if MISSING:
        pytest.skip(f"`pip install -e '.[test]'` brings what the site needs: no {', '.join(MISSING)} here")

    def run(source, site):
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", f"{site}-doctrees", source, site]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        return done.stderr or ("" if done.returncode == 0 else f"exit code {done.returncode}")

    return run


@pytest.fixture(scope="session")
def builds(build, tmp_path_factory):
    """The folder of the site, and what its first and its second build complained of.

    The processes of xdist share it: the one that can make the folder builds, the others wait.
    """
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "site"
    said = [shared / "first.txt", shared / "second.txt"]
    try:
        shared.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + PATIENCE
        while not said[-1].exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    else:
        for file in said:
            complaint = build(DOCS, shared / "html").encode()
            replace(file, lambda out: out.write(complaint))
    return shared / "html", *(file.read_text(encoding="utf-8") for file in said)


@pytest.fixture(scope="session")
def site(builds):
    """The folder of the site, built without complaint."""
    folder, first, _ = builds
    assert first == ""
    return folder
