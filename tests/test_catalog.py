"""Discovery: a component exists because its file does."""

import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minirnn
from minirnn import catalog
from minirnn.activations import LeakyReLU
from minirnn.cells import LSTM
from minirnn.errors import UsageError
from minirnn.losses import SoftmaxCrossEntropy
from minirnn.models import urnn_exp
from minirnn.optimizers import RMSprop
from minirnn.parametrizations import ExpMap

ALL = [(kind, name, c) for kind in catalog.KINDS for name, c in catalog.components(kind).items()]


@pytest.mark.parametrize(("kind", "name", "component"), [
    ("cells", "lstm", LSTM), ("activations", "leaky-relu", LeakyReLU), ("parametrizations", "expmap", ExpMap),
    ("losses", "softmax-cross-entropy", SoftmaxCrossEntropy), ("rules", "rmsprop", RMSprop),
    ("models", "urnn-exp", urnn_exp),
])
def test_a_component_is_found_under_its_files_or_class_name(kind, name, component):
    assert catalog.find(kind, name) is component


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_names_are_hyphenated_lower_case_and_sorted(kind):
    names = list(catalog.components(kind))
    assert names
    assert names == sorted(names)
    assert all(name == name.lower() and "_" not in name for name in names)


@pytest.mark.parametrize("kind", [kind for kind in catalog.KINDS if kind != "models"])
def test_the_protocol_itself_is_no_component(kind):
    assert not any(inspect.isabstract(c) for c in catalog.components(kind).values())


@pytest.mark.parametrize("kind", ["cells", "activations", "parametrizations", "models"])
def test_every_file_of_a_package_holds_a_component(kind):
    folder = Path(minirnn.__file__).parent / kind
    files = {path.stem.replace("_", "-") for path in folder.glob("*.py")} - {"base", "--init--"}
    assert set(catalog.components(kind)) == files


@pytest.mark.parametrize(("kind", "name", "component"), ALL, ids=[f"{kind}/{name}" for kind, name, _ in ALL])
def test_a_component_says_what_it_is(kind, name, component):
    assert component.__doc__
    if kind != "models":
        assert component.summary
        assert len(component.summary) <= 100


@pytest.mark.parametrize("kind", [kind for kind in catalog.CHECKED if kind != "models"])
def test_examples_are_labelled_apart(kind):
    labels = [label for label, _ in catalog.examples(kind, 4, np.random.default_rng(0))]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("kind", [kind for kind in catalog.CHECKED if kind not in ("models", "layers")])
def test_every_component_has_an_example(kind):
    for name, component in catalog.components(kind).items():
        assert list(component.examples(4, np.random.default_rng(0))), name


# ---- what is not there


@pytest.mark.parametrize(("kind", "given", "message"), [
    ("cells", "lstn", "there is no cell 'lstn'; did you mean 'lstm'?"),
    ("activations", "leaky", "there is no activation 'leaky'; did you mean 'leaky-relu'?"),
    ("losses", "softmax-crossentropy", "there is no loss 'softmax-crossentropy'; did you mean"),
    ("cells", "xyzzy", "there is no cell 'xyzzy'; choose one of: elman, gru, lstm, peephole-lstm"),
    ("cells", "", "there is no cell ''; choose one of: elman, gru, lstm, peephole-lstm"),
])
def test_an_unknown_name_is_answered_with_the_nearest_or_with_all(kind, given, message):
    with pytest.raises(UsageError) as error:
        catalog.find(kind, given)
    assert str(error.value).startswith(message)


# ---- a new file


def in_a_copy(tmp_path, code, files):
    """Run `code` with a copy of the package to which `files` were added."""
    shutil.copytree(
        Path(minirnn.__file__).parent, tmp_path / "minirnn", ignore=shutil.ignore_patterns("__pycache__", "tasks")
    )
    for name, source in files.items():
        (tmp_path / "minirnn" / name).write_text(source, encoding="utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"
    found = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


SIN_ABS = '''
import numpy as np
from minirnn.activations.base import Activation


class SinAbs(Activation):
    """f(z) = sin z (Z1), dz = cos(z) dh (Z2)."""

    summary = "f(z) = sin z"
    bounds = (0.0, 1.0)

    def forward(self, z, out=None):
        return np.sin(z)

    def backward(self, dh, z, h, out=None):
        return np.cos(z) * dh
'''


def test_a_new_file_is_found_and_checked_because_it_exists(tmp_path):
    code = (
        "from minirnn import catalog, gradcheck; print(*catalog.components('activations')); "
        "print(*(r.passed for rows in gradcheck.check_all(['sin-abs']) for r in rows))"
    )
    found = in_a_copy(tmp_path, code, {"activations/sin_abs.py": SIN_ABS})
    assert "sin-abs" in found
    assert found[-1] == "True"


def test_a_private_file_is_no_component(tmp_path):
    code = "from minirnn import catalog; print(*catalog.components('activations'))"
    assert in_a_copy(tmp_path, code, {"activations/_sin.py": SIN_ABS}) == list(catalog.components("activations"))
