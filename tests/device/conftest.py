"""The fake device, in place of CuPy."""

import fake_cupy
import pytest

from minirnn.tasks.recall import Recall


@pytest.fixture
def device(monkeypatch):
    monkeypatch.setattr(Recall, "evaluation_size", 12)              # an evaluation is then a few batches
    return fake_cupy.install(monkeypatch)
