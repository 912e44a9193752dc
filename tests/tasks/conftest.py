"""Small data sets in the formats of MNIST and the Penn Treebank, so that the tests need no data of their own."""

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


@pytest.fixture(scope="session")
def ptb_folder(tmp_path_factory):
    """Texts of 90, 23 and 17 lines, drawn from ten words with unequal frequencies, as the Penn Treebank writes them."""
    folder = tmp_path_factory.mktemp("ptb")
    rng = np.random.default_rng(1)
    words = np.array(["the", "of", "<unk>", "N", "company", "said", "would", "year", "a", "market"])
    for name, size in (("train", 90), ("valid", 23), ("test", 17)):
        lines = [words[np.minimum(rng.geometric(0.3, k) - 1, 9)] for k in rng.integers(1, 14, size)]
        if name == "train":
            lines[0] = words
        (folder / f"ptb.{name}.txt").write_text("".join(f" {' '.join(line)} \n" for line in lines))
    return folder


@pytest.fixture(scope="session")
def data_folder(mnist_folder, ptb_folder, tmp_path_factory):
    """A folder with all of them, one below."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "mnist").symlink_to(mnist_folder)
    (folder / "ptb").symlink_to(ptb_folder)
    return folder
