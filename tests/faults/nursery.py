"""A process that has everything imported, and forks one for each job: to be killed, a process costs as little as that.

Jobs come as lines of JSON on stdin; the answers are the number of the process, and how it ended:

    words     what follows `minirnn`, or with "call", arguments of that function of CALLS
    here      the folder to work in; what it prints goes to .out and .err there
    within    names of functions, "module:Class.name"; the moments counted are the calls made within these
    at        the moment at which the process kills itself; 0 only counts them, into .moments
    events    what happens to it at other moments, [moment, event]: a signal by its name, or "readonly FOLDER"
    limit     of the size of files, in bytes, beyond which writing fails as on a full disk
    powerless whether permissions bind it, as they do not otherwise if it is the superuser's
    out       a file in place of .out and .err
    plant     violations of promises, see PLANTS
"""

from __future__ import annotations

import ctypes
import importlib
import io
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path


def main(modules: list[str]) -> None:
    for name in modules:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(work(job))
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


def work(job: dict) -> int:
    """Do a job; its exit code."""
    os.setpgid(0, 0)
    os.chdir(job["here"])
    for number, name in ((0, os.devnull), (1, job.get("out", ".out")), (2, job.get("out", ".err"))):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(k, "rww"[k], closefd=False) for k in range(3))
    from minirnn import cli

    for name in job.get("plant", ()):
        PLANTS[name]()
    if "limit" in job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))
    if job.get("powerless"):
        powerless()
    code = 70
    clock = Clock(job.get("within", ()), job.get("at"), dict(job.get("events", ())))
    try:
        with clock:
            code = CALLS[job["call"]](*job["words"]) if "call" in job else cli._run(job["words"])
    except Exception:
        import traceback

        traceback.print_exc()
    if job.get("at") == 0:
        Path(".moments").write_text(str(clock.count))
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    return int(code or 0)


def powerless() -> None:
    """Give up the superuser's right to write what is read-only."""
    if os.geteuid() != 0:
        return
    libc, head, sets = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(head, sets) == 0
    sets[0] &= ~0b110                                               # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(head, sets) == 0


def happen(event: str) -> None:
    """An event of a job."""
    name, _, folder = event.partition(" ")
    if name != "readonly":
        os.kill(os.getpid(), getattr(signal, name))
        return
    for path in (Path(folder), *Path(folder).rglob("*")) if Path(folder).exists() else ():
        path.chmod(path.stat().st_mode & ~0o222)


def sweep(folder: str, file: str) -> None:
    """What the command and one worker do of a sweep, in one process."""
    from minirnn.sweeps import Ledger, Sweep, plan, results, work

    jobs, ledger = plan(Sweep.read(Path(file))), Ledger(Path(folder))
    ledger.create()
    for job in jobs:
        work.execute(Path(folder), job, lambda said: None)
        results.write(Path(folder), jobs, ledger)


def fetch(url: str, folder: str, files: dict[str, str]) -> None:
    """`minirnn data fetch mnist`, for official files of our own: {name: content as text}."""
    import hashlib
    from dataclasses import replace

    from minirnn import download
    from minirnn.datasets import SETS, File

    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    known = tuple(File(name, len(files[name]), digest, digest, 0) for name, digest in digests.items())
    SETS["mnist"] = replace(SETS["mnist"], files=known, mirrors=(url,), count=lambda path: 0)
    download.fetch("mnist", Path(folder), replace=True)


CALLS = {"sweep": sweep, "fetch": fetch}


class Clock:
    """Counts the calls made within some functions, and lets events happen at some of them."""

    def __init__(self, within, at, events):
        self.codes, self.count, self.depth = {code(name) for name in within}, 0, 0
        self.events = {**events, at: "SIGKILL"} if at is not None else events

    def __enter__(self):
        if self.events:
            sys.setprofile(self.tick)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def tick(self, frame, event, arg):
        if event == "call" and frame.f_code in self.codes:
            self.depth += 1
        elif event == "return" and frame.f_code in self.codes:
            self.depth -= 1
        elif self.depth and event in ("call", "c_call", "c_return"):
            self.count += 1
            if self.count in self.events:
                happen(self.events[self.count])


def code(name: str):
    """The code object of "module:Class.name"."""
    module, _, path = name.partition(":")
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found.__code__


# -- violations of the promises, planted to see that they are noticed --------------------------------------------------


def in_place() -> None:
    """Files are written where they stand, and piece by piece."""
    from minirnn import checkpoint
    from minirnn.figures import style
    from minirnn.report import page

    def replace(path, write):
        whole = io.BytesIO()
        write(whole)
        with open(path, "wb", buffering=0) as file:
            for k in range(0, whole.tell(), 1 + whole.tell() // 500):
                file.write(whole.getbuffer()[k : k + 1 + whole.tell() // 500])

    for module in (checkpoint, style, page):
        module.replace = replace


def plain() -> None:
    """No violation: without pictures, which take longer than all else."""
    from minirnn import figures

    figures.available = lambda: False


def bare() -> None:
    """No violation: a report without pictures."""
    from minirnn.report import pictures

    pictures.of_run = lambda run, everything=True: ([], [])


def forgetful() -> None:
    """A resumed run begins with empty memories of its update rule."""
    from minirnn.optimizers import Optimizer

    Optimizer.load_state_dict = lambda self, state: None


def garrulous() -> None:
    """A resumed run leaves in the metrics what it is about to write again."""
    from minirnn.runs import Run

    Run.keep = lambda self, wanted: None


def unlocked() -> None:
    """Locks are not held."""
    from minirnn import locks

    locks._acquired = lambda lock, busy: lock


def blunt() -> None:
    """An error of the operating system is not said in a sentence."""
    from minirnn import cli

    def unusable(error):
        raise error

    cli._unusable = unusable


def unguarded() -> None:
    """A damaged checkpoint is not told from a good one."""
    import numpy as np

    from minirnn import checkpoint

    checkpoint.load = lambda path: (dict(np.load(path)), {})


def credulous() -> None:
    """What was downloaded is not compared with its digest."""
    from minirnn.download import Part

    Part.good = lambda self: True


PLANTS = {f.__name__: f for f in (plain, bare, in_place, forgetful, garrulous, unlocked, blunt, unguarded, credulous)}

if __name__ == "__main__":
    main(sys.argv[1:])
