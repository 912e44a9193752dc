"""The three ways a command ends badly, each with its exit code and one clear sentence.

Every message says what was given, what was wanted and what to do. The command line prints it without a
traceback; a library user catches the class.
"""


class UsageError(ValueError):
    """Something outside the computation is wrong: an option, a file, a folder, a backend.  Exit code 2."""

    exit_code = 2


class RunFailed(RuntimeError):
    """The computation itself failed: it diverged, or memory ran out.  Exit code 1."""

    exit_code = 1


class CheckFailed(AssertionError):
    """A gradient check or a stated bar was missed.  Exit code 3."""

    exit_code = 3


def one_line(error: BaseException) -> str:
    """Another library's error as part of a sentence: its words on one line, or its name where it has none."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
