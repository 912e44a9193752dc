"""What minirnn promises under faults, bad input, extreme numbers and attempts to misuse it.

Every test of this folder is marked with the promise that it tries, `@pytest.mark.promise("whole-files")`, and with
`tried(n)` says how many cases it tried, where that is not one. `@pytest.mark.control("whole-files")` marks a planted
violation of the promise which the same check must catch: a control passes when the check fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

PARTS = ("faults", "fuzzing", "numbers", "safety")


class Promise(NamedTuple):
    """part, one of PARTS; what is promised, a sentence; what is counted, in the plural."""

    part: str
    says: str
    counts: str


PROMISES: dict[str, Promise] = {
    # -- faults --------------------------------------------------------------------------------------------------------
    "kill-training": Promise(
        "faults", "Killed (SIGKILL) at any moment, a run leaves whole files and goes on to the same bits: parameters, "
        "memories of the rule, metrics, test scores", "kills"),
    "kill-checkpoint": Promise(
        "faults", "Killed while a checkpoint or the configuration is written, a run has the old one or the new one",
        "kills"),
    "kill-metrics": Promise(
        "faults", "Killed while metrics are written, every line is whole but perhaps the last, which is dropped on "
        "resuming; no record is missing or there twice", "kills"),
    "kill-ledger": Promise(
        "faults", "Killed in the bookkeeping of a sweep, entries of the ledger and the table of results are whole or "
        "absent; what is finished is never run again, and the rest ends as if undisturbed", "kills"),
    "kill-download": Promise(
        "faults", "Killed while it downloads, `minirnn data fetch` leaves the files that were there as they were, and "
        "goes on with what has come", "kills"),
    "kill-report": Promise("faults", "Killed while it writes a report, the command leaves the old page or the new one",
                           "kills"),
    "kill-figure": Promise("faults", "Killed while it draws a picture, the command leaves the old one or the new one",
                           "kills"),
    "ctrl-c": Promise(
        "faults", "Ctrl-C, once or twice, at any moment: one sentence, exit code 130, or the command had nothing left "
        "to stop; the run goes on to the same bits", "interrupts"),
    "sigterm": Promise(
        "faults", "SIGTERM at any moment is Ctrl-C while training, and else ends the process; the run goes on to the "
        "same bits", "signals"),
    "disk-full": Promise(
        "faults", "Where the disk is full, a run ends with one sentence and an exit code; what was saved is good, and "
        "goes on to the same bits", "full disks"),
    "read-only": Promise("faults", "A folder that cannot be written is one sentence, exit code 2, and nothing changed",
                         "commands"),
    "permission-lost": Promise(
        "faults", "Where a run loses the right to write, it ends with one sentence and exit code 1; what was saved is "
        "good, and goes on to the same bits", "runs"),
    "one-run": Promise(
        "faults", "Of two processes that train in one folder at once, one does, and the other is refused with one "
        "sentence and exit code 2", "pairs"),
    "one-cache": Promise("faults", "Of two processes that fetch a data set at once, one downloads each file, once, and "
                         "the other waits and finds it", "pairs"),
    "output-full": Promise("faults", "Output that cannot be written is no traceback, but exit code 2", "commands"),
    "readers": Promise("faults", "What a kill left can be evaluated, drawn, inspected and reported, or is refused with "
                       "one sentence", "commands"),
    # -- fuzzing -------------------------------------------------------------------------------------------------------
    "odd-sizes": Promise(
        "fuzzing",
        "Every component has the right gradient at every size (one unit, odd numbers of units, one "
        "step), or refuses the size in a sentence",
        "instances"),
    "odd-layouts": Promise(
        "fuzzing",
        "How an array lies in memory (columns first, strided, backwards, read-only) changes no result "
        "of any component, and no component changes its arguments",
        "instances"),
    "types": Promise(
        "fuzzing", "What float32 arrays give is float32, and likewise in double",
        "instances"),
    "masks": Promise(
        "fuzzing",
        "What stands at a masked position, be it NaN, changes neither the loss nor the gradient by a "
        "bit; a batch that asks for nothing has loss and gradient 0",
        "batches"),
    "odd-batches": Promise(
        "fuzzing",
        "One step, one sequence, one unit and an empty mask are as good as any batch, for every model, "
        "task, schedule and diagnostic",
        "batches"),
    "mutated-files": Promise(
        "fuzzing",
        "A damaged file of any kind that minirnn reads (IDX, gzip, text, checkpoint, configuration, "
        "metrics, ledger) is read as far as it makes sense, or refused in one sentence",
        "files"),
    "hostile-claims": Promise(
        "fuzzing",
        "No header, archive or nesting makes a parser take more memory than the file, or its stated "
        "limit, bears out: 2^40 rows, gzip bombs, compressed and pickled members",
        "files"),
    "configurations": Promise(
        "fuzzing",
        "A configuration of any keys and values trains, survives being written and read, or is refused "
        "in one sentence",
        "configurations"),
    "command-lines": Promise(
        "fuzzing",
        "No command line ends in a traceback or hangs: a mistake is one sentence, exit code 2, and "
        "every file as it was",
        "command lines"),
    "changed-runs": Promise(
        "fuzzing",
        "A run whose files another hand has changed is read as far as it makes sense or refused in one "
        "sentence; no state of another network, rule or step is taken for its own",
        "runs"),
    # -- numbers -------------------------------------------------------------------------------------------------------
    "ends-of-range": Promise(
        "numbers",
        "Activations, cells, losses and clipping give finite numbers for finite ones, from denormal "
        "numbers to 1e30 (1e300 in double) and scores of ±1e30; a NaN stays a NaN",
        "arguments"),
    "diverging-runs": Promise(
        "numbers",
        "NaN or infinities in the data, gradients that overflow and rates that diverge end a run by "
        "name, with the parameters and the checkpoint of before",
        "runs"),
    "no-drift": Promise(
        "numbers",
        "100,000 updates leave an orthogonal or unitary matrix of a few rows orthogonal to 100 "
        "roundings, in float32 and in float64, by whichever rule or parametrization",
        "updates"),
    "drift-without-correction": Promise(
        "numbers",
        "With the correction switched off, a rule on a manifold leaves it by at most half a rounding "
        "per update",
        "updates"),
    "long-sequences": Promise(
        "numbers",
        "100,000 steps of time go forward and backward: the gradient is finite, its checkpointed form "
        "agrees with the stored one in a fifth of the memory or less, and orthogonal Jacobians keep "
        "their norm",
        "steps of time"),
    "same-bits": Promise(
        "numbers",
        "The same configuration gives the same bits in another process, whatever the order of hashes "
        "and whatever was computed before",
        "networks"),
    "equal-to-rounding": Promise(
        "numbers", "One and two BLAS threads give the same numbers up to rounding",
        "networks"),
    # -- safety --------------------------------------------------------------------------------------------------------
    "no-pickle": Promise("safety", "No data are executed: no pickle, no eval, no shell in any installed file", "files"),
    "paths-stay": Promise(
        "safety", "No name in a file, a configuration, a ledger or an archive leads out of the folder it belongs to",
        "names"),
    "checked-first": Promise("safety", "A download is compared with its SHA-256 before it takes its place", "damages"),
    "escaped": Promise("safety", "Names and texts are shown as they are, in reports, pictures and on the terminal",
                       "texts"),
    "says-executes": Promise("safety", "The one command that executes a file of the user's own says so first",
                             "places"),
}


def some(values: Iterable[Any], short: int) -> list[Any]:
    """The values for `parametrize`: all but the first `short` are left to `make test-faults`."""
    return [pytest.param(value, marks=pytest.mark.many if k >= short else ()) for k, value in enumerate(values)]


def cases(many: int, short: int) -> list[Any]:
    """The numbers 0 to many - 1, in the same way."""
    return some(range(many), short)


def noticed(check: Callable[[int], object], tries: int = 5) -> bool:
    """Whether a check fails for one of the seeds: a planted violation need not show each time."""
    for seed in range(tries):
        try:
            check(seed)
        except (AssertionError, ValueError):                        # a ValueError: of a file that is not whole
            return True
    return False


# (part, what was found and how it was mended, the test that would find it again)
FOUND: tuple[tuple[str, str, str], ...] = (
    # -- faults --------------------------------------------------------------------------------------------------------
    ("faults", "A run that was killed before its first checkpoint could neither be resumed nor begun again there.",
     "test_killed_at_any_moment_a_run_goes_on_to_the_same_bits"),
    ("faults", "A run that was killed between its last checkpoint and its test was complete without ever having been "
     "tested.", "test_killed_while_metrics_are_written_they_still_tell_one_story"),
    ("faults", "The first training loss after a resume was the mean over fewer updates than in an undisturbed run.",
     "test_killed_by_another_process_a_run_goes_on_to_the_same_bits"),
    ("faults", "What a kill left half written stayed in the folder for ever; a run and a sweep remove theirs.",
     "test_killed_while_a_checkpoint_is_written_a_run_has_the_old_or_the_new"),
    ("faults", "A full disk or a lost permission ended training with a traceback.",
     "test_a_full_disk_ends_the_run_with_a_sentence"),
    ("faults", "Two processes could train in one folder at once; runs now have a lock that ends with their process.",
     "test_of_two_that_resume_a_run_at_once_one_does"),
    ("faults", "Two runs without a name, begun in the same second, chose the same folder.",
     "test_runs_without_a_name_begun_in_the_same_second_have_folders_of_their_own"),
    ("faults", "Two processes that fetched one data set wrote into the same file, even after its digest was checked.",
     "test_of_two_that_fetch_at_once_one_downloads_and_both_have_it"),
    ("faults", "A download killed after its last byte was thrown away, and left a file of another name.",
     "test_a_killed_download_leaves_every_file_old_or_new_and_goes_on"),
    ("faults", "An output that takes nothing, and a folder for a figure that cannot be made, were tracebacks.",
     "test_an_output_that_takes_nothing_is_a_sentence"),
    ("faults", "Two sweeps on one machine both wanted the scheduler's usual port, and the second complained of it.",
     "test_two_sweeps_at_once_do_not_mind_each_other"),
    ("faults", "`--workers` was without effect: a sweep took as many processes as there are cores.",
     "test_two_sweeps_at_once_do_not_mind_each_other"),
    ("faults", "A second Ctrl-C on a sweep waited for runs that it would not save, and one while workers started was a "
     "traceback.", "test_a_second_ctrl_c_stops_at_once_and_nothing_is_lost_or_done_twice"),
    ("faults", "A sweep whose folder was full, or could not be written, blamed a worker that had done nothing.",
     "test_a_ledger_that_cannot_be_written_is_not_blamed_on_the_worker"),
    # -- fuzzing -------------------------------------------------------------------------------------------------------
    ("fuzzing",
     "A NaN where nobody asked made the loss NaN: a mask only multiplied. It now says what is summed.",
     "test_what_stands_at_a_masked_position_enters_neither_loss_nor_gradient"),
    ("fuzzing",
     "A checkpoint of 1 MB could unpack to any size, and a header of 2^40 rows, nested parentheses, an "
     "unknown kind of archive or deep JSON ended in a traceback; `npz.py` reads only what is there.",
     "test_a_file_that_claims_more_than_it_holds_is_refused_in_little_memory"),
    ("fuzzing",
     "Any text file, however small, took 512 MB for a moment, and a gzip bomb up to 13 GB.",
     "test_a_mutated_file_is_read_or_refused_in_a_sentence"),
    ("fuzzing",
     "A configuration of 64 kB, one dotted key of 30,000 parts, took the parser 40 seconds and 4 GB.",
     "test_a_file_that_claims_more_than_it_holds_is_refused_in_little_memory"),
    ("fuzzing",
     "Tables that are numbers, names that are lists, a key called name, numbers of 400 digits and deep "
     "nesting in a configuration were tracebacks.",
     "test_a_file_that_claims_more_than_it_holds_is_refused_in_little_memory"),
    ("fuzzing",
     "`--layers` or `--hidden-size` of 10^12 ran until memory was full; an infinite learning rate was "
     "accepted.",
     "test_a_value_out_of_all_proportion_is_refused_at_once"),
    ("fuzzing",
     "`gradcheck --seed -1` was a traceback, and `--size 1000` did not end.",
     "test_a_value_out_of_all_proportion_is_refused_at_once"),
    ("fuzzing",
     "An output that lacks a letter, as on many Windows consoles, ended `minirnn errata` in a traceback.",
     "test_words_that_are_no_text_are_told_as_they_are"),
    ("fuzzing",
     "One broken line of the metrics hid all that follow, and a resumed run then dropped them.",
     "test_a_line_of_the_metrics_that_is_no_record_hides_none_of_the_others"),
    ("fuzzing",
     "A ledger entry with scores that are none, or nested 100,000 deep, stopped the sweep.",
     "test_a_ledger_entry_that_is_none_counts_as_a_run_still_to_do"),
    ("fuzzing",
     "What a checkpoint says of step, schedule and vocabulary was believed unseen, and a state called "
     "9999999999/0 asked for as many lists.",
     "test_a_checkpoint_that_says_something_else"),
    ("fuzzing",
     "An update rule took memory of unknown names and of other shapes.",
     "test_a_rule_takes_no_memory_that_it_does_not_know"),
    ("fuzzing",
     "A checkpoint of rotations from an older version was said to belong to another model.",
     "test_a_checkpoint_of_rotations_from_an_older_version_is_refused_in_a_clear_sentence"),
    ("fuzzing",
     "Where an eigenvalue was not found, all records of that step were dropped without a word.",
     "test_a_diagnostic_without_an_answer_leaves_a_record_that_says_so"),
    ("fuzzing",
     "A tape from before an update gave a wrong gradient in silence; `backward` refuses it.",
     "test_a_tape_from_before_an_update_is_refused"),
    ("fuzzing",
     "A watch record with a text where a number belongs ended a figure in a traceback.",
     "test_a_watch_record_that_holds_something_else_than_numbers_is_refused_in_one_sentence"),
    # -- numbers -------------------------------------------------------------------------------------------------------
    ("numbers",
     "modReLU was NaN or infinite for denormal numbers, and in one convention for numbers above 2e19.",
     "test_modrelu_is_off_for_a_denormal_number_and_scales_a_huge_one"),
    ("numbers",
     "Clipping by the norm set every gradient to 0 where a square overflowed.",
     "test_clipping_by_the_norm_gives_a_gradient_of_that_norm_however_large_it_was"),
    ("numbers",
     "A mean of squares that overflowed stopped its parameter for ever, and was saved.",
     "test_a_mean_of_squares_that_overflows_is_named_and_not_saved"),
    # -- safety --------------------------------------------------------------------------------------------------------
    ("safety", "A folder whose name holds square brackets was read as markup by the terminal, or ended the command.",
     "test_the_terminal_shows_the_name_of_a_folder_as_it_is"),
    ("safety", "Checking one's own file said in its help, but not when it did so, that it executes the file.",
     "test_the_check_of_a_file_says_that_it_executes_it_before_it_does"),
)
