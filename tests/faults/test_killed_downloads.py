"""A download that is killed at moments drawn from a seed: what was there is not lost, nothing wrong takes its place."""

import numpy as np
import pytest
from killing import KILLED, said
from mirror import NEW, OLD, Mirror, files
from promises import cases

WITHIN = ("minirnn.download:_retrieve",)
EACH = 5
IMPORTED = ("minirnn.download", "requests", "encodings.idna")


@pytest.fixture(scope="module")
def mirror():
    with Mirror(NEW) as address:
        yield address


@pytest.fixture(scope="module")
def moments(nursery, mirror, tmp_path_factory):
    here = tmp_path_factory.mktemp("whole")
    return nursery.moments(here, mirror, here / "data", NEW, call="fetch", within=WITHIN)


def lives(nursery, mirror, moments, here, seed, plant=()):
    """Kill a download EACH times, then let it end."""
    rng, folder, kills = np.random.default_rng(seed), here / "data", 0
    while kills < EACH:
        folder.mkdir(exist_ok=True)
        for name, text in OLD.items():
            (folder / name).write_text(text)
        code = KILLED
        while code == KILLED and kills < EACH:
            at = int(rng.integers(1, moments))
            code = nursery.run(here, mirror, folder, NEW, call="fetch", within=WITHIN, plant=plant, at=at)
            assert code in (0, KILLED), said(here)
            kills += code == KILLED
            assert all(text in (OLD[name], NEW[name]) for name, text in files(folder).items())
            assert len(files(folder)) == len(OLD)
    assert nursery.run(here, mirror, folder, NEW, call="fetch", within=WITHIN) == 0
    assert files(folder) == NEW
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == [".lock"]
    return kills


@pytest.mark.promise("kill-download")
@pytest.mark.parametrize("seed", cases(6, short=1))
def test_a_killed_download_leaves_every_file_old_or_new_and_goes_on(nursery, mirror, moments, tmp_path, tried, seed):
    tried(lives(nursery, mirror, moments, tmp_path, seed))


def test_what_has_come_is_not_asked_for_again(nursery, tmp_path):
    name = next(iter(NEW))
    (tmp_path / f".{name}.part").write_text(NEW[name][:5000])
    server = Mirror(NEW)
    with server as address:
        assert nursery.run(tmp_path, address, tmp_path, NEW, call="fetch") == 0
    assert server.asked[0] == (f"/{name}", "bytes=5000-")


@pytest.mark.control("kill-download")
def test_a_download_that_takes_its_place_unchecked_is_noticed(nursery, moments, tmp_path):
    wrong = {name: text.upper() for name, text in NEW.items()}
    with Mirror(wrong) as address, pytest.raises(AssertionError):
        lives(nursery, address, moments, tmp_path, 0, ["credulous"])
