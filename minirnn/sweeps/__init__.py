"""Grids of runs: a file that says which, a ledger of those that are done, and dask.distributed to execute the rest.

A sweep is a folder:

    sweep.toml      the file it was last started from
    runs/           one ordinary folder per run, HASH-READABLE
    ledger/         HASH.json for each run that has ended, whole at every moment
    results.csv     one row per run of the file, written anew after each one that ends
"""

from minirnn.sweeps.grid import Point, Sweep
from minirnn.sweeps.jobs import Job, plan
from minirnn.sweeps.ledger import FAILED, FINISHED, Ledger

__all__ = ["FAILED", "FINISHED", "Job", "Ledger", "Point", "Sweep", "plan"]
