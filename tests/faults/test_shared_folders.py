"""Two processes in one folder: one does the work, the other waits or is refused with a sentence."""

import shutil
import time

import pytest
from killing import RESUME, RUN, Nursery, assert_equal, assert_whole, said
from mirror import NEW, Mirror, files
from promises import cases, noticed

IMPORTED = ("minirnn.diagnostics.spectrum", "minirnn.download", "requests")


@pytest.fixture(scope="module")
def two(nursery):
    other = Nursery(*IMPORTED)
    yield nursery, other
    other.close()


def both(two, here, *words, plant=(), pause=0.0, second=None, **options):
    """(exit code, what was said) of each of two processes that do the same, or nearly, at the same time."""
    places = [here / str(k) for k in range(2)]
    for place in places:
        place.mkdir()
    two[0].start(places[0], *words, plant=["plain", *plant], **options)
    time.sleep(pause)
    two[1].start(places[1], *(second or words), plant=["plain", *plant], **options)
    codes = [nursery.wait() for nursery in two]
    return [(code, said(place)) for code, place in zip(codes, places, strict=True)]


def in_one(words, here):
    return [here / "a" if word == "a" else word for word in words]


def assert_one_ran(outcomes, folder, reference):
    (good, _), (bad, why) = sorted(outcomes)
    assert (good, bad) == (0, 2), outcomes
    assert "another process is at work in" in why or "exists already" in why or "is complete at step" in why
    assert "Traceback" not in why
    assert_equal(folder, reference.folder)


@pytest.mark.promise("one-run")
@pytest.mark.parametrize("seed", cases(10, short=1))
def test_of_two_that_begin_a_run_at_once_one_does(two, reference, tmp_path, seed):
    assert_one_ran(both(two, tmp_path, *in_one(RUN, tmp_path), pause=0.01 * seed), tmp_path / "a", reference)


@pytest.mark.promise("one-run")
@pytest.mark.parametrize("seed", cases(10, short=1))
def test_of_two_that_resume_a_run_at_once_one_does(two, reference, tmp_path, seed):
    words = in_one(RUN, tmp_path)
    moments = two[0].moments(tmp_path, *words, plant=["plain"], within=["minirnn.runs:Run.save"])
    shutil.rmtree(tmp_path / "a")
    two[0].run(tmp_path, *words, plant=["plain"], within=["minirnn.runs:Run.save"], at=moments // 2)
    assert_whole(tmp_path / "a", reference.folder)
    assert_one_ran(both(two, tmp_path, *in_one(RESUME, tmp_path), pause=0.01 * seed), tmp_path / "a", reference)


@pytest.mark.promise("one-run")
@pytest.mark.many
def test_runs_without_a_name_begun_in_the_same_second_have_folders_of_their_own(two, tmp_path, tried):
    (tmp_path / "0").mkdir()
    for nursery in two:
        nursery.start(tmp_path / "0", *RUN[:-2], plant=["plain"])
    assert [nursery.wait() for nursery in two] == [0, 0], said(tmp_path / "0")
    assert len(list((tmp_path / "0" / "runs").iterdir())) == 2


@pytest.mark.control("one-run")
def test_two_at_work_in_one_folder_are_noticed(two, reference, tmp_path):
    def check(seed):
        here = tmp_path / str(seed)
        here.mkdir()
        assert_one_ran(both(two, here, *in_one(RUN, here), plant=["unlocked"]), here / "a", reference)

    assert noticed(check)


def assert_fetched_once(server, outcomes, folder):
    assert [code for code, _ in outcomes] == [0, 0], outcomes
    assert files(folder) == NEW
    assert sorted(path for path, _ in server.asked) == sorted(f"/{name}" for name in NEW)


@pytest.mark.promise("one-cache")
@pytest.mark.parametrize("seed", cases(10, short=1))
def test_of_two_that_fetch_at_once_one_downloads_and_both_have_it(two, tmp_path, seed):
    server = Mirror(NEW, slow=0.01)
    with server as address:
        outcomes = both(two, tmp_path, address, tmp_path / "data", NEW, call="fetch", pause=0.01 * seed)
    assert_fetched_once(server, outcomes, tmp_path / "data")


@pytest.mark.control("one-cache")
def test_two_downloads_of_one_file_are_noticed(two, tmp_path):
    def check(seed):
        server, here = Mirror(NEW, slow=0.01), tmp_path / str(seed)
        here.mkdir()
        with server as address:
            outcomes = both(two, here, address, here / "data", NEW, call="fetch", plant=["unlocked"])
        assert_fetched_once(server, outcomes, here / "data")

    assert noticed(check)
