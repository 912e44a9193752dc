"""Data on disk: where to look for it, and a strict reader for the IDX files of MNIST.

Nothing is downloaded here: see `minirnn.download`. A folder given by the user is the only place looked in; otherwise
the folder named by the environment variable MINIRNN_DATA comes first, then the user's cache folder. Data may lie in
the folder or one below.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import platformdirs

from minirnn.errors import UsageError

MNIST = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PTB = ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt")
OFFICIAL = 60_000               # training images of the complete MNIST

UBYTE = 0x08                    # the IDX type code of unsigned bytes
LARGEST = 1 << 29               # bytes; MNIST has 47 million, so a header that claims more is damaged
PIECE = 1 << 20
NUMBERS = {3: "three", 4: "four"}


@dataclass(frozen=True)
class Mnist:
    """images (N, 28, 28) grey values 0 .. 255 and labels (N,) 0 .. 9, both unsigned bytes, and where they came from."""

    folder: Path
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Found:
    """One data set as `minirnn doctor` reports it; `folder` is None where it is absent or damaged."""

    name: str
    folder: Path | None
    detail: str


def places(data_dir: str | Path | None = None) -> list[tuple[str, Path]]:
    """(what names it, folder): where data is looked for, in this order."""
    if data_dir is not None:
        if not isinstance(data_dir, str | Path) or not str(data_dir):
            raise UsageError(f"data_dir must be the path of a folder (got {data_dir!r}); leave it out to search for it")
        return [("--data-dir", _expanded(data_dir))]
    named = os.environ.get("MINIRNN_DATA")
    cache = ("the cache folder", Path(platformdirs.user_cache_dir("minirnn")))
    return [("MINIRNN_DATA", _expanded(named)), cache] if named else [cache]


def find_mnist(data_dir: str | Path | None = None) -> dict[str, Path]:
    """{standard file name: its path, plain or .gz} of the first folder that holds all four files."""
    return _find("MNIST", MNIST, "mnist", data_dir)


def find_ptb(data_dir: str | Path | None = None) -> dict[str, Path]:
    """{standard file name: its path, plain or .gz} of the first folder that holds all three texts."""
    return _find("Penn Treebank", PTB, "ptb", data_dir)


def _find(label: str, names: tuple[str, ...], prefer: str, data_dir: str | Path | None) -> dict[str, Path]:
    looked_in = places(data_dir)
    partial = ""
    for _, root in looked_in:
        for folder in _folders(root, prefer=prefer):
            files = {name: path for name in names if (path := _plain_or_gz(folder, name))}
            if len(files) == len(names):
                return files
            if files and not partial:
                partial = f" ({folder} lacks {', '.join(name for name in names if name not in files)})"
    where = " and ".join(f"{root} ({name}{'' if os.path.isdir(root) else ', no folder'})" for name, root in looked_in)
    raise UsageError(
        f"{label} is not there: looked for {', '.join(names)} (plain or .gz) in {where}, directly and one folder "
        f"below{partial}; run `minirnn data fetch {prefer}`, or put the {NUMBERS[len(names)]} files into "
        f"{looked_in[0][1]}, or name their folder with --data-dir or MINIRNN_DATA (the tasks adding, copy, kth-largest "
        "and recall need no data)"
    )


def load_mnist(data_dir: str | Path | None = None) -> Mnist:
    """All four files, each checked for itself and against its partner. A subset of the official images is fine."""
    files = find_mnist(data_dir)
    pairs = []
    for images_name, labels_name in (MNIST[:2], MNIST[2:]):
        images_path, labels_path = files[images_name], files[labels_name]
        images, labels = read_idx(images_path, dimensions=3), read_idx(labels_path, dimensions=1)
        if images.shape[1:] != (28, 28) or not len(images):
            raise UsageError(f"{images_path}: wanted N x 28 x 28 grey values, N > 0 (got {_times(images.shape)}); "
                             "replace the file with MNIST's")
        if len(images) != len(labels):
            raise UsageError(f"{labels_path} has {len(labels):,} labels for the {len(images):,} images of "
                             f"{images_path.name}; take both files from the same copy of MNIST")
        if labels.max() > 9:
            raise UsageError(f"{labels_path}: labels are digits 0 to 9 (got {labels.max()} at {labels.argmax()}); "
                             "replace the file with MNIST's")
        pairs += [images, labels]
    return Mnist(files[MNIST[0]].parent, *pairs)


def describe(data_dir: str | Path | None = None) -> list[Found]:
    """What is there, for `minirnn doctor`. Never raises: what is wrong with a data set is its detail."""
    return [_describe_mnist(data_dir), _describe_ptb(data_dir)]


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Unsigned bytes from an IDX file, plain or gzipped (by content, whatever its name), checked to the last byte.

    The header is two zero bytes, a type code, the number of dimensions, then each size as a big-endian 32-bit number.
    It is believed only as far as the file bears it out: never is more memory taken than the data that is there.

    raises    UsageError, one sentence with the path
    """
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not zipped:
                return _read_idx(path, file, dimensions)
            with gzip.GzipFile(fileobj=file) as unzipped:
                return _read_idx(path, unzipped, dimensions)
    except EOFError:
        raise _damaged(path, "its gzip data ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, f"its gzip data is corrupt ({error})") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path} cannot be read ({reason}); check that it is a readable file") from None


def _read_idx(path: Path, stream: Any, dimensions: int) -> np.ndarray:
    header = read_at_most(stream, 4 + 4 * dimensions)
    wanted = bytes([0, 0, UBYTE, dimensions])
    if header[:4] != wanted:
        raise UsageError(f"{path}: wanted an IDX file of unsigned bytes in {dimensions} dimension(s), beginning "
                         f"{wanted.hex(' ')} (got {header[:4].hex(' ') or 'an empty file'}); replace it with MNIST's")
    if len(header) < 4 + 4 * dimensions:
        raise _damaged(path, f"its header ends after {len(header)} bytes")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    size = math.prod(shape)
    if size > LARGEST:
        raise _damaged(path, f"its header claims {_times(shape)} bytes, which no MNIST file has")
    content = read_at_most(stream, size + 1)
    if len(content) != size:
        got = f"{len(content):,}" if len(content) < size else "more"
        raise _damaged(path, f"its header promises {size:,} bytes (got {got})")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def read_at_most(stream: BinaryIO | gzip.GzipFile, size: int) -> bytes:
    """Up to `size` bytes, in pieces: asking for all of them at once would allocate what the header merely claims."""
    pieces = []
    while size > 0 and (piece := stream.read(min(size, PIECE))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _damaged(path: Path, what: str) -> UsageError:
    return UsageError(f"{path} is damaged: {what}; replace it with a fresh copy")


def _folders(root: Path, prefer: str) -> list[Path]:
    """The folder, then those one below; the preferred name first, since Fashion-MNIST names its files like MNIST."""
    try:
        below = [folder for folder in root.iterdir() if os.path.isdir(folder)]
    except (OSError, ValueError):       # absent, forbidden, or no possible name of a folder: nothing to find there
        return []
    return [root, *sorted(below, key=lambda folder: (not folder.name.lower().startswith(prefer), folder.name))]


def _plain_or_gz(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if os.path.isfile(path)), None)


def _expanded(folder: str | Path) -> Path:
    return Path(os.path.expanduser(folder))     # unlike Path.expanduser, leaves an unknown ~user as it is


def _describe_mnist(data_dir: str | Path | None) -> Found:
    try:
        mnist = load_mnist(data_dir)
    except UsageError as error:
        return Found("MNIST", None, str(error))
    train, test = len(mnist.train_images), len(mnist.test_images)
    subset = f", a subset of the official {OFFICIAL:,}" if train < OFFICIAL else ""
    return Found("MNIST", mnist.folder, f"{train:,} training images{subset}, and {test:,} test images")


def _describe_ptb(data_dir: str | Path | None) -> Found:
    try:
        looked_in = [root for _, root in places(data_dir)]
    except UsageError as error:
        return Found("Penn Treebank", None, str(error))
    for root in looked_in:
        for folder in _folders(root, prefer="ptb"):
            if all(os.path.isfile(folder / name) for name in PTB):
                sizes = ", ".join(f"{name} {(folder / name).stat().st_size:,} bytes" for name in PTB)
                return Found("Penn Treebank", folder, sizes)
    return Found("Penn Treebank", None, f"{', '.join(PTB)} are not in {' or '.join(map(str, looked_in))}")
