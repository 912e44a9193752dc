"""A small data set in MNIST's format, so that the tests need no data of their own."""

import struct

import numpy as np
import pytest


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory):
    """1,130 training and 20 test images of noise. Each image begins with its own number, written in base 256."""
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(0)
    for name, size in (("train", 1_130), ("t10k", 20)):
        images = rng.integers(0, 256, (size, 28, 28), dtype=np.uint8)
        images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(size), 256)
        labels = rng.choice(10, size, p=np.arange(1, 11) / 55).astype(np.uint8)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, size, 28, 28) + images.tobytes())
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, size) + labels.tobytes())
    return folder
