"""Ctrl-C, SIGTERM, full disks, lost permissions, at moments drawn from a seed: the run goes on to the same bits."""

import shutil
import signal
import stat

import numpy as np
import pytest
from killing import RESUME, RUN, assert_equal, assert_whole, said
from promises import cases, noticed, some
from small_disk import small_disk

WITHIN = ("minirnn.cli:_run",)
FILES = ("minirnn.runs:Run.create", "minirnn.runs:Run.resume", "minirnn.runs:Run._next", "minirnn.runs:Run.log_tests")
IMPORTED = ("minirnn.diagnostics.spectrum",)


def stopped(nursery, here, reference, codes, plant=(), **options):
    """Run, in whatever circumstances, and then without them; the exit code of the first."""
    code = nursery.run(here, *RUN, plant=["plain", *plant], **options)
    assert code in codes, f"exit code {code}: {said(here)}"
    assert "Traceback" not in said(here)
    assert code <= 0 or len(said(here).strip().splitlines()) == 1, said(here)        # one sentence
    if (here / "a").exists():
        for path in (here / "a", *(here / "a").rglob("*")):
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        assert_whole(here / "a", reference.folder)
    words = RESUME if (here / "a" / "config.toml").exists() else RUN
    again = nursery.run(here, *words, plant=["plain", *plant])
    assert again == 0 or "is complete at step" in said(here), said(here)
    assert_equal(here / "a", reference.folder)
    return code


@pytest.mark.promise("ctrl-c")
@pytest.mark.parametrize("seed", cases(20, short=2))
def test_ctrl_c_at_any_moment_loses_nothing(nursery, reference, tmp_path, tried, seed):
    rng = np.random.default_rng(seed)
    times = sorted(rng.integers(1, reference.moments(WITHIN), 1 + seed % 2).tolist())
    if seed % 4 == 3:
        times[1] = times[0] + 50                                    # impatience
    stopped(nursery, tmp_path, reference, {0, 130}, within=WITHIN, events=[[k, "SIGINT"] for k in times])
    tried(len(times))


@pytest.mark.promise("ctrl-c")
def test_a_second_ctrl_c_stops_at_once_and_says_so(nursery, reference, tmp_path, tried):
    half = reference.moments(WITHIN) // 2
    events = [[half, "SIGINT"], [half + 1, "SIGINT"]]
    assert stopped(nursery, tmp_path, reference, {130}, within=WITHIN, events=events) == 130
    tried(2)


@pytest.mark.promise("sigterm")
@pytest.mark.parametrize("seed", cases(10, short=1))
def test_sigterm_at_any_moment_loses_nothing(nursery, reference, tmp_path, seed):
    at = int(np.random.default_rng(seed).integers(1, reference.moments(WITHIN)))
    stopped(nursery, tmp_path, reference, {0, 130, -signal.SIGTERM}, within=WITHIN, events=[[at, "SIGTERM"]])


@pytest.mark.control("ctrl-c")
@pytest.mark.control("sigterm")
@pytest.mark.control("disk-full")
@pytest.mark.control("permission-lost")
def test_a_save_that_is_not_atomic_is_noticed(nursery, reference, tmp_path):
    """All four leave what was written last in the same way: half of it."""
    def check(seed):
        here = tmp_path / str(seed)
        here.mkdir()
        stopped(nursery, here, reference, {0, 1, 2}, ["in_place"], limit=1000 * (1 + seed))

    assert noticed(check, 8)


@pytest.mark.promise("disk-full")
@pytest.mark.parametrize("seed", cases(12, short=2))
def test_a_file_that_can_grow_no_more_ends_the_run_with_a_sentence(nursery, reference, tmp_path, seed):
    largest = (reference.folder / "checkpoint.npz").stat().st_size
    limit = int(np.random.default_rng(seed).integers(1, largest))
    stopped(nursery, tmp_path, reference, {1, 2}, limit=limit)


@pytest.mark.promise("disk-full")
@pytest.mark.parametrize("size", some((24, 8, 12, 16, 20, 28, 32), short=1))
def test_a_full_disk_ends_the_run_with_a_sentence(nursery, reference, tmp_path, size):
    disk = tmp_path / "disk"
    with small_disk(disk, size):
        words = [*RUN[:-1], disk / "a"]
        code = nursery.run(tmp_path, *words, plant=["plain"])
        assert code in (1, 2), said(tmp_path)
        assert "No space left on device" in said(tmp_path)
        assert (said(tmp_path).count("\n"), "Traceback" in said(tmp_path)) == (1, False)
        if (disk / "a").exists():
            assert_whole(disk / "a", reference.folder)
            shutil.copytree(disk / "a", tmp_path / "a")
    words = RESUME if (tmp_path / "a" / "config.toml").exists() else RUN
    assert nursery.run(tmp_path, *words, plant=["plain"]) == 0, said(tmp_path)
    assert_equal(tmp_path / "a", reference.folder)


@pytest.mark.promise("permission-lost")
@pytest.mark.parametrize("seed", cases(12, short=2))
def test_a_run_that_may_no_longer_write_ends_with_a_sentence(nursery, reference, tmp_path, seed):
    moments = reference.moments(FILES)
    at = int(np.random.default_rng(seed).integers(moments // 20, moments // 2))
    stopped(nursery, tmp_path, reference, {1, 2}, within=FILES, events=[[at, "readonly a"]], powerless=True)
