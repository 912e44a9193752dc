"""What a person sees while training, on a terminal of any width and in a pipe."""

import io

import pytest
from rich.console import Console

from minirnn.cli import live
from minirnn.trainer import Event

LOSSES = [2.4, 2.0, 1.0, 0.5]


def follow(width, terminal=True, steps=4, **records):
    """The last line shown after a few records."""
    text = io.StringIO()
    shown = live.Live("recall urnn-exp", 0, steps, "accuracy")
    shown.console = Console(file=text, force_terminal=terminal, width=width, highlight=False, color_system=None)
    with shown:
        for step, loss in enumerate(LOSSES, 1):
            found = [{"split": "train", "step": step, "loss": loss, "sequences_per_second": 1234.0}]
            found += [{"split": "valid", "loss": loss, "accuracy": 0.5, **records.get("valid", {})}]
            found += records.get("watch", [])
            shown.follow(Event(step, tuple(found)))
    return shown, text.getvalue()


def test_a_wide_terminal_shows_loss_accuracy_curve_orthogonality_error_and_speed():
    shown, text = follow(140, valid={"orthogonality_error": 1.9e-6})
    assert shown.latest == "loss 0.5  accuracy 50.00 %  █▇▃▁  ‖WᴴW−I‖ 1.9e-06  1,234 sequences/s"
    assert shown.latest in text


@pytest.mark.parametrize(("width", "seen"), [
    (100, "loss 0.5  accuracy 50.00 %  █▇▃▁  ‖WᴴW−I‖ 1.9e-06"), (80, "loss 0.5  accuracy 50.00 %  █▇▃▁"),
    (60, "loss 0.5  accuracy 50.00 %"), (50, "loss 0.5"), (20, "loss 0.5"),
])
def test_a_narrow_terminal_leaves_out_the_last_things_first(width, seen):
    assert follow(width, valid={"orthogonality_error": 1.9e-6})[0].latest == seen


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140])
def test_the_time_left_is_never_cut_off(width):
    shown, text = follow(width, valid={"orthogonality_error": 1.9e-6})
    assert f"4/4 {shown.latest} 00:00 left" in text


def test_the_orthogonality_error_of_a_watched_spectrum_is_that_of_the_worst_layer():
    layers = [{"split": "watch", "orthogonality_error": error} for error in (0.25, 3.0, None)]
    assert "‖WᴴW−I‖ 3.0e+00" in follow(140, watch=layers)[0].latest


def test_without_such_a_record_nothing_is_said_of_orthogonality():
    assert "‖" not in follow(140)[0].latest


def test_a_pipe_gets_plain_lines_with_the_time_left_and_no_curve(monkeypatch):
    monkeypatch.setattr(live, "PAUSE", -1.0)
    text = follow(80, terminal=False, valid={"orthogonality_error": 1.9e-6})[1]
    lines = text.splitlines()
    assert len(lines) == len(LOSSES)
    assert lines[-1].startswith(
        "recall urnn-exp  4/4  loss 0.5  accuracy 50.00 %  ‖WᴴW−I‖ 1.9e-06  1,234 sequences/s  0 s, at most 0 s left"
    )
