"""The local cluster: as many workers as asked for, since each may take a whole core."""

import inspect

import pytest

from minirnn.errors import RunFailed

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


def test_a_cluster_whose_last_worker_nobody_will_begin_again_is_not_waited_for(tmp_path):
    with engine.cluster("", 1) as client:
        (nanny,) = client.cluster.workers.values()
        client.cluster.sync(nanny.close)
        with pytest.raises(RunFailed, match=r"the last worker went away.*give the same command again"):
            engine.run_all(client, tmp_path, ["a job"], print, print, lambda: False)
