"""A small MNIST to take the place of the real one: its four official files, and a subset of them."""

import gzip
import hashlib
import struct
from dataclasses import replace

import numpy as np

from minirnn import data
from minirnn.datasets import SETS, File

RNG = np.random.default_rng(0)
DEAD = "http://127.0.0.1:9/mnist"       # port 9 discards; nothing listens there


def idx(x):
    return bytes([0, 0, 8, x.ndim]) + struct.pack(f">{x.ndim}I", *x.shape) + x.tobytes()


def digits(size):
    """Contents of the four files: noise with labels, `size` training and 20 test images."""
    found = {}
    for name in data.MNIST:
        rows = size if name.startswith("train") else 20
        x = RNG.integers(0, 256, (rows, 28, 28)) if "images" in name else RNG.integers(0, 10, rows)
        found[f"{name}.gz"] = gzip.compress(idx(x.astype(np.uint8)))
    return found


OFFICIAL = digits(300)
SUBSET = {name: content if "train" in name else OFFICIAL[name] for name, content in digits(100).items()}


def install(monkeypatch, tmp_path):
    """MNIST whose official files are OFFICIAL; no mirror but those given; an empty cache folder."""
    files = tuple(
        File(f.name, len(OFFICIAL[f.name]), hashlib.sha256(OFFICIAL[f.name]).hexdigest(),
             hashlib.sha256(gzip.decompress(OFFICIAL[f.name])).hexdigest(), 300 if "train" in f.name else 20)
        for f in SETS["mnist"].files
    )
    monkeypatch.setitem(SETS, "mnist", replace(SETS["mnist"], files=files, mirrors=(DEAD,)))
    monkeypatch.setattr(data.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache"))
    for name in ("MINIRNN_DATA", "MINIRNN_MIRROR", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
