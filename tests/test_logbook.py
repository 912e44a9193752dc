"""The logbook: sums by counts, epochs that are the sum of their lines, and no epoch where there is none."""

import pytest

from minirnn.logbook import Logbook


def test_a_line_is_the_sum_of_the_losses_by_the_sum_of_their_counts():
    book = Logbook(0, "sequences")
    book.add(90.0, 90, 10, 1.0)
    book.add(30.0, 10, 10, 1.0)
    assert book.line(2, 0.1) == {"split": "train", "step": 2, "lr": 0.1, "loss": 1.2, "sequences_per_second": 10.0}


def test_a_line_begins_anew():
    book = Logbook(0, "tokens")
    book.add(90.0, 90, 1, 1.0)
    book.line(1, 0.1)
    book.add(30.0, 10, 6, 2.0)
    assert book.line(2, 0.1) == {"split": "train", "step": 2, "lr": 0.1, "loss": 3.0, "tokens_per_second": 3.0}


def test_an_epoch_is_the_sum_of_its_lines():
    book = Logbook(3, "tokens")
    for step, (total, count) in enumerate([(90.0, 90), (30.0, 10), (20.0, 100)], start=1):
        book.add(total, count, 1, 0.5)
        assert book.ends_epoch(step) == (step == 3)
        line = book.line(step, 0.1)
        assert line["epoch"] == pytest.approx(step / 3, abs=1e-4)
    assert book.epoch(3) == {"split": "epoch", "step": 3, "epoch": 1.0, "loss": 0.7, "epoch_seconds": 1.5}
    assert book.state_dict() == {"total": 0, "count": 0, "seconds": 0,
                                 "line": {"total": 0, "count": 0, "units": 0, "seconds": 0}}


def test_epochs_need_not_be_whole_numbers_of_updates():
    book = Logbook(2.5, "tokens")
    assert [step for step in range(1, 11) if book.ends_epoch(step)] == [3, 5, 8, 10]


def test_a_generator_has_no_epochs():
    book = Logbook(0, "sequences")
    book.add(1.0, 1, 1, 1.0)
    assert not any(book.ends_epoch(step) for step in range(1, 100))
    assert "epoch" not in book.line(1, 0.1)


@pytest.mark.parametrize("lines", [0, 1])
def test_a_resumed_epoch_adds_up(lines):
    one = Logbook(4, "tokens")
    for step in (1, 2):
        one.add(step, 1, 1, 1.0)
        if lines:
            one.line(step, 0.1)
    other = Logbook(4, "tokens")
    other.load_state_dict(one.state_dict())
    for book in (one, other):
        for step in (3, 4):
            book.add(step, 1, 1, 1.0)
    assert one.line(4, 0.1) == other.line(4, 0.1)
    assert one.epoch(4) == other.epoch(4)
    assert one.epoch(4)["split"] == "epoch"
