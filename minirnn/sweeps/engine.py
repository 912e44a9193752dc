"""The engine of a sweep: dask.distributed hands the jobs to workers, and to another where a worker dies.

Locally, the scheduler lives in this process and each worker in one of its own, with one thread and as many BLAS threads
as the runs ask for; with an address, the workers are those of a cluster that sees the same files. A worker reports to
this process through the scheduler, and writes what counts, checkpoints and ledger, by itself: so no kill loses it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from minirnn import locks, memory
from minirnn.errors import RunFailed, UsageError
from minirnn.sweeps.jobs import Job
from minirnn.sweeps.ledger import FAILED, Entry, Ledger
from minirnn.sweeps.work import NEEDED, STOP, execute, locate

try:
    import dask
    import dask.system
    from distributed import Client, KilledWorker, LocalCluster, Status, get_worker
except ModuleNotFoundError:
    raise UsageError(NEEDED) from None

TOPIC = "minirnn-sweep"
POLL, PATIENCE = 0.1, 20        # seconds between looks at the futures, and to wait for a scheduler
LOOK = 1.0                      # seconds between questions to the scheduler how many workers there are
AT_ONCE = 0.5                   # seconds that a worker has to end before it is killed, after a second Ctrl-C
NANNIES_ALONE = {"distributed.deploy.lost-worker-timeout": "1000 days"}
OVER = (Status.closed, Status.failed)
Hear = Callable[[dict[str, Any]], None]


@contextmanager
def cluster(address: str, workers: int) -> Iterator[Client]:
    """A client of the scheduler at `address`, or where that is empty of `workers` processes on this machine."""
    if address:
        try:
            client = Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise UsageError(f"no scheduler answers at {address} ({error}); start one with `dask scheduler`") from None
        try:
            yield client
        finally:
            client.close(timeout=1)
        return
    resource_tracker.ensure_running()                               # its start would let SIGINT through again
    with (
        dask.config.set(NANNIES_ALONE),
        _ctrl_c(passes=False),
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, memory_limit=0, dashboard_address=None,
                     scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},     # any free port: there may be two sweeps
                     silence_logs=logging.CRITICAL) as local,
        Client(local, timeout=PATIENCE, set_as_default=False) as client,
    ):
        try:
            with _ctrl_c(passes=True):
                yield client
        except KeyboardInterrupt:                                   # not waiting for what the workers are at
            local.sync(_end, local)
            raise


@contextmanager
def _ctrl_c(passes: bool) -> Iterator[None]:
    """Whether a Ctrl-C comes through at once or after the block: to this thread, and what is begun within.

    It reaches every process of a terminal, but the command alone decides what follows from it, so it must not come
    through to a worker, from its start on; nor to the command while the cluster is half open or half closed.
    """
    if os.name != "posix":                                          # no masks: it ends the workers as well
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK if passes else signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


async def _end(local: LocalCluster) -> None:
    """End the workers, whatever they are at."""
    await asyncio.gather(*(worker.close(timeout=AT_ONCE) for worker in local.workers.values()), return_exceptions=True)


def run_all(
    client: Client, folder: Path, jobs: list[Job], hear: Hear, ended: Callable[[Job, Entry], None],
    stopping: Callable[[], bool], retry: bool = False,
) -> None:
    """Execute the jobs; return when all have ended, or after `stopping()` when those at work have saved and stopped.

    hear     receives the workers' reports, in another thread
    ended    is called for every job that has an entry, as it comes
    raises   RunFailed if the scheduler or the last worker goes away, or the ledger cannot be written
    """
    (folder / STOP).unlink(missing_ok=True)
    client.subscribe_topic(TOPIC, lambda event: hear(event[1]))
    waiting, slots, looked = list(jobs), 0, -LOOK
    working: dict[Job, Any] = {}
    try:
        while working or waiting:
            if stopping():
                waiting.clear()
                (folder / STOP).touch()
            if time.monotonic() - looked > LOOK:
                slots, looked = _threads(client, folder), time.monotonic()
            while waiting and len(working) < slots:                 # no more than are free: one that dies has one run
                job = waiting.pop(0)
                working[job] = client.submit(_work, folder, job, retry, key=f"{job.id}-{time.time_ns()}", pure=False)
            time.sleep(POLL)
            for job in [job for job, future in working.items() if future.done()]:
                ended(job, _outcome(folder, job, working.pop(job)))
    finally:
        (folder / STOP).unlink(missing_ok=True)


def _threads(client: Client, folder: Path) -> int:
    """Of all workers that there are now.

    A worker of this machine that dies is begun again by its nanny, however long that takes on a busy machine.

    raises   RunFailed if the scheduler is gone, or the last worker and its nanny are
    """
    try:
        threads = sum(client.nthreads().values())
    except (OSError, TimeoutError):
        raise _gone("the scheduler", folder) from None
    if not threads and client.cluster and all(nanny.status in OVER for nanny in client.cluster.workers.values()):
        raise _gone("the last worker", folder)
    return threads


def _gone(who: str, folder: Path) -> RunFailed:
    return RunFailed(
        f"{who} went away; what is finished is in {folder}: give the same command again to go on"
    )


def _work(folder: Path, job: Job, retry: bool) -> Entry:
    """On a worker."""
    worker = get_worker()
    memory.keep_freed_memory()
    return execute(folder, job, lambda said: worker.log_event(TOPIC, said), retry)


def _outcome(folder: Path, job: Job, future: Any) -> Entry:
    """What a future brought. One whose workers all died has no entry yet, and gets it here.

    raises   RunFailed if the scheduler is gone, or the worker could not write the ledger
    """
    if future.cancelled():
        raise _gone("the scheduler", folder)
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, KilledWorker):
        raise error
    ledger = Ledger(folder)
    with locks.held(ledger.lock(job.id)):                           # one who is only out of reach ends first
        entry = ledger.read(job.id)
        if entry is None:
            said = f"its worker died each time that it was tried ({type(error).__name__}); is there enough memory?"
            entry = {"status": FAILED, "folder": locate(folder, job).name, "error": said}
            ledger.write(job.id, entry)
        return entry


def fitting(jobs: list[Job]) -> int:
    """Workers that use each core of this machine once: as many as cores by BLAS threads, and no more than jobs."""
    threads = max(int(job.tables["run"]["threads"]) for job in jobs)
    return max(1, min(dask.system.CPU_COUNT // threads, len(jobs)))


def sole(folder: Path) -> AbstractContextManager[None]:
    """The sweep's lock.  raises UsageError if another command holds it"""
    return locks.held(folder / ".lock", f"another sweep is at work in {folder}; wait for it, or name another --dir")
