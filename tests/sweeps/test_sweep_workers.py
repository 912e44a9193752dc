"""The local cluster: as many workers as asked for, since each may take a whole core."""

import inspect

import pytest

engine = pytest.importorskip("minirnn.sweeps.engine", reason="sweeps need the extra minirnn[sweep]")


class Asked(Exception):
    """Holds what a cluster was asked for."""


@pytest.mark.parametrize("workers", [1, 3])
def test_a_local_cluster_is_asked_for_as_many_workers_as_the_command(workers, monkeypatch):
    signature = inspect.signature(engine.LocalCluster)

    def refuse(*positional, **named):
        raise Asked(signature.bind(*positional, **named).arguments)

    monkeypatch.setattr(engine, "LocalCluster", refuse)
    with pytest.raises(Asked) as asked, engine.cluster("", workers):
        pass
    (found,) = asked.value.args
    assert (found["n_workers"], found["threads_per_worker"], found["processes"]) == (workers, 1, True)
