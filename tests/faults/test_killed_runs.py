"""A run that is killed, again and again, at moments drawn from a seed, and that goes on to the same bits."""

import shutil

import numpy as np
import pytest
from killing import KILLED, RESUME, RUN, assert_equal, assert_whole, at_once, said
from promises import cases, noticed

PLACES = {
    "kill-training": ("minirnn.cli:_run",),
    "kill-checkpoint": ("minirnn.checkpoint:replace",),
    "kill-metrics": ("minirnn.runs:Run.log", "minirnn.runs:Run.keep"),
}
EACH = 5            # kills in the life of one run
IMPORTED = ("minirnn.diagnostics.spectrum",)


def lives(nursery, here, reference, place, seed, plant=()):
    """Kill a run EACH times, then let it end. After each kill, and in the end, what is there is as it should be."""
    whole, moments = reference.folder, reference.moments(PLACES[place])
    rng = np.random.default_rng([seed, len(place)])
    options = {"within": PLACES[place], "plant": ["plain", *plant]}
    kills, first = 0, True
    while True:
        words = RESUME if (here / "a" / "config.toml").exists() else RUN
        last = kills == EACH
        at = {} if last else {"at": int(rng.integers(1, max(2, moments // (1 if first else 3))))}
        code, first = nursery.run(here, *words, **options, **at), False
        assert code in (0, KILLED) or "is complete at step" in said(here), said(here)
        if code != KILLED and last:
            break
        kills += code == KILLED
        assert_whole(here / "a", whole) if (here / "a").exists() else None
        if code != KILLED:                                          # ended before its moment: another life
            assert_equal(here / "a", whole)
            shutil.rmtree(here / "a")
            first = True
    assert_equal(here / "a", whole)
    return kills


@pytest.mark.promise("kill-training")
@pytest.mark.parametrize("seed", cases(6, short=1))
def test_killed_at_any_moment_a_run_goes_on_to_the_same_bits(nursery, reference, tmp_path, tried, seed):
    tried(lives(nursery, tmp_path, reference, "kill-training", seed))


@pytest.mark.promise("kill-training")
@pytest.mark.parametrize("seed", cases(10, short=1))
def test_killed_by_another_process_a_run_goes_on_to_the_same_bits(nursery, reference, tmp_path, seed):
    whole = reference.folder
    delay = reference.seconds * np.random.default_rng(seed).uniform(0.05, 0.9)
    while True:
        process = nursery.start(tmp_path, *RUN, plant=["plain"])
        at_once(process, delay)
        if nursery.wait() == KILLED:
            break
        shutil.rmtree(tmp_path / "a")                               # it was faster: kill the next one sooner
        delay /= 2
    if (tmp_path / "a").exists():
        assert_whole(tmp_path / "a", whole)
    words = RESUME if (tmp_path / "a" / "config.toml").exists() else RUN
    code = nursery.run(tmp_path, *words, plant=["plain"])
    assert code == 0 or "is complete at step" in said(tmp_path), said(tmp_path)
    assert_equal(tmp_path / "a", whole)


@pytest.mark.promise("kill-checkpoint")
@pytest.mark.parametrize("seed", cases(8, short=1))
def test_killed_while_a_checkpoint_is_written_a_run_has_the_old_or_the_new(nursery, reference, tmp_path, tried, seed):
    tried(lives(nursery, tmp_path, reference, "kill-checkpoint", seed))


@pytest.mark.promise("kill-metrics")
@pytest.mark.parametrize("seed", cases(6, short=1))
def test_killed_while_metrics_are_written_they_still_tell_one_story(nursery, reference, tmp_path, tried, seed):
    tried(lives(nursery, tmp_path, reference, "kill-metrics", seed))


@pytest.mark.parametrize(
    ("place", "plant"),
    [
        pytest.param("kill-checkpoint", "in_place", id="not atomic", marks=pytest.mark.control("kill-checkpoint")),
        pytest.param("kill-training", "forgetful", id="memories lost", marks=pytest.mark.control("kill-training")),
        pytest.param("kill-metrics", "garrulous", id="records twice", marks=pytest.mark.control("kill-metrics")),
    ],
)
def test_a_planted_loss_is_noticed(nursery, reference, tmp_path, place, plant):
    def check(seed):
        (tmp_path / str(seed)).mkdir()
        lives(nursery, tmp_path / str(seed), reference, place, seed, [plant])

    assert noticed(check)
