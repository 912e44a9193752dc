"""The command line: one module per command, imported when it is called.

Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 the run failed, 2 usage and environment,
3 a check or a stated bar was missed, 130 interrupted.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click

from minirnn import __version__

COMMANDS = {
    "run": "train a model on a task, or resume a run",
    "sweep": "a grid of runs on all cores or a cluster, resumable, into one table",
    "reproduce": "what a paper claims: run, judged, and written down with every seed",
    "evaluate": "a saved run on a split of its task",
    "inspect": "what a network does to its gradients: norms over time, spectrum, dead units",
    "plot": "pictures of runs: curves, gradients, spectra, examples, and the papers' figures",
    "report": "one or several runs as one self-contained HTML page",
    "generate": "let a saved language model write",
    "gradcheck": "compare every hand-written gradient with finite differences",
    "explain": "a component's equations, its code by tag, and its check, live",
    "errata": "what the papers print that does not hold, or leave open, each with an example, run live",
    "list": "tasks, models and components, by kind",
    "data": "fetch, find and verify the data sets of the papers",
    "bench": "time a training step beside torch's, and beside its matrix products alone",
    "doctor": "what this installation can use: versions, threads, CUDA, data",
    "demo": "the field's central result, in two minutes",
}

HOST_MEMORY = "memory ran out; try a smaller --batch-size, --hidden-size or --length"


class _Commands(click.Group):
    """Lists the commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = "listing" if name == "list" else name              # a module `list` would hide the builtin here
        return importlib.import_module(f"minirnn.cli.{module}").command

    def resolve_command(self, ctx: click.Context, args: list[str]):
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from minirnn.catalog import unknown

            raise unknown("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="minirnn")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Recurrent networks in plain NumPy, every gradient derived by hand and checked.

    \b
    Examples:
      minirnn demo                              the central result, with a figure
      minirnn run recall --length 50            train the default model of a task
      minirnn run copy --model lstm --steps 500
      minirnn gradcheck lstm                    check one component
      minirnn list models
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; a user's mistake is one sentence on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):                         # what an output cannot spell, it shows as \\u2016
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_run(argv))


def _run(argv: Sequence[str] | None) -> int:
    from minirnn.errors import CheckFailed, RunFailed, UsageError

    try:
        result = cli.main(args=None if argv is None else list(argv), prog_name="minirnn", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (UsageError, RunFailed, CheckFailed) as error:
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _unusable(error)
    except Exception as error:
        from minirnn.backend import fault

        said = fault(error) or (HOST_MEMORY if isinstance(error, MemoryError) else "")
        if not said:
            raise
        click.echo(f"Error: {said}", err=True)
        return 1


def _unusable(error: OSError) -> int:
    """Say that a file or the output can't be used; where not even that can be written, the exit code alone says it."""
    what = error.filename or "the output"
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    with suppress(OSError):
        click.echo(f"Error: cannot use {what} ({error.strerror or error}); check that it is there, that it may be "
                   "read and written, and that the disk is not full", err=True)
    return 2
