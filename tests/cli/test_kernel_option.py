"""--kernel on the command line."""

import tomllib

import pytest

SHORT = ("run", "recall", "--length", "3", "--hidden-size", "8", "--steps", "1", "--dir", "a")


def test_it_is_kept_in_the_configuration(minirnn):
    assert minirnn(*SHORT, "--kernel", "step").code == 0
    with open("a/config.toml", "rb") as file:
        assert tomllib.load(file)["run"]["kernel"] == "step"
    assert minirnn("evaluate", "a").code == 0
    assert minirnn("run", "--resume", "a", "--kernel", "auto", "--steps", "2").code == 0


@pytest.mark.parametrize(("kernel", "said"), [("sequence", "--backend cupy"), ("fast", "run.kernel must be one of")])
def test_what_cannot_serve_is_refused_before_anything_is_written(minirnn, contents, tmp_path, kernel, said):
    found = minirnn(*SHORT, "--kernel", kernel)
    assert found.code == 2
    assert said in found.err
    assert len(found.err.strip().splitlines()) == 1
    assert contents(tmp_path) == {}
