"""Every diagnostic, found by discovery, on the fake device: what it says on the host, and the network left there."""

import pytest
from strict_array import StrictArray
from twins import tables, twins

from minirnn import catalog, config
from minirnn.diagnostics.base import ask
from minirnn.errors import UsageError
from minirnn.runs import Run, read_metrics

DIAGNOSTICS = catalog.components("diagnostics")
NETWORKS = {
    "one-hot, two layers": tables("rnn", layers=2, dropout=0.2),
    "embedding, gates": tables("lstm", embedding_size=3),
    "two matrices": tables("gru", embedding_size=3),
    "complex": tables("urnn"),
    "operator": tables("sparse-rnn"),
    "orthogonal": tables("urnn-exp"),
    "on a manifold": tables("network", parametrization="orthogonal"),
}


def answer(name, subject):
    try:
        return ask(DIAGNOSTICS[name](), subject)
    except UsageError as error:
        return str(error)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_every_diagnostic_finds_on_a_device_what_it_finds_on_the_host(device, name, network):
    host, there = twins(NETWORKS[network])
    index = len(host.model.layers) - 1
    wanted, found = (answer(name, trainer.subject(index, examples=3)) for trainer in (host, there))
    assert found == wanted
    assert all(isinstance(x, StrictArray) for x in there.model.params.values())


@pytest.mark.parametrize("name", [name for name, kind in DIAGNOSTICS.items() if kind.watchable])
def test_every_watch_writes_on_a_device_what_it_writes_on_the_host(device, tmp_path, name):
    runs = {}
    for place in ("numpy", "cupy"):
        given = tables("rnn", train={"watch": [name], "watch_every": 2}, run={"backend": place})
        list(Run.create(tmp_path / place, *config.resolve(given)).train())
        runs[place] = [r for r in read_metrics(tmp_path / place) if r["split"] == "watch"]
        for record in runs[place]:
            del record["seconds"]
    assert runs["cupy"] == runs["numpy"] != []
