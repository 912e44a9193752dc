"""What a target's diagnostics say of its trained networks, as further columns of the results."""

from __future__ import annotations

from pathlib import Path

from minirnn import catalog
from minirnn.errors import UsageError
from minirnn.reproduction.rules import Row
from minirnn.reproduction.target import Target
from minirnn.saved_run import SavedRun
from minirnn.sweeps.ledger import FINISHED
from minirnn.sweeps.numbers import numbers
from minirnn.watch import EXAMPLES


def diagnosed(target: Target, rows: list[Row], runs: Path, data_dir: str = "") -> list[Row]:
    """The rows, with "end_FIELD" of each diagnostic of the first layer of the run's best parameters.

    None where a run did not end, or where a diagnostic has no meaning for its network.
    """
    asked = [catalog.find("diagnostics", name)() for name in target.diagnose]
    found: list[dict[str, float]] = []
    for row in rows:
        found.append({})
        for diagnostic in asked if row["status"] == FINISHED else ():
            try:
                said = SavedRun(runs / row["folder"], data_dir=data_dir).measure(diagnostic, "rnn.0", EXAMPLES)
            except UsageError:
                continue
            found[-1] |= {f"end_{name}": x for name, x in numbers(said).items()}
    columns = dict.fromkeys(name for numbered in found for name in numbered)
    return [row | {name: numbered.get(name) for name in columns} for row, numbered in zip(rows, found, strict=True)]
