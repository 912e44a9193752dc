"""Text files, read strictly: UTF-8, plain or gzipped, with the line ends of any system."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from minirnn.data import PTB, find_ptb, read_at_most
from minirnn.errors import UsageError
from minirnn.vocabulary import UNKNOWN, Vocabulary

SPLITS = dict(zip(("train", "valid", "test"), PTB, strict=True))
LARGEST = 1 << 27       # bytes; the Penn Treebank has 5 million, and lists of short lines take 25 times as much memory


def read_lines(path: Path) -> list[str]:
    """The lines of a text that are not blank, without line ends, their words separated by one space.

    Windows (\\r\\n) and old Macintosh (\\r) line ends are read as \\n, and a byte-order mark is dropped: the same text
    then gives the same numbers on every system. gzip is recognised by content, whatever the file's name.

    raises    UsageError, one sentence with the path: unreadable, damaged, not UTF-8, binary, or without any word
    """
    text = _decoded(path, _content(path))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = [line for line in (" ".join(line.split()) for line in lines) if line]
    if not found:
        raise UsageError(f"{path} holds no text (got {len(text):,} blank characters); replace it with a text file")
    return found


def read_ptb(data_dir: str | Path | None = None) -> dict[str, tuple[Path, list[str]]]:
    """{split: (file, its sentences)} of the Penn Treebank, or of any three texts under its file names."""
    files = find_ptb(data_dir)
    return {split: (files[name], read_lines(files[name])) for split, name in SPLITS.items()}


def encode_file(path: Path, lines: list[str], vocabulary: Vocabulary, end: str) -> tuple[np.ndarray, list[str]]:
    """(numbers of the lines, each followed by `end`; the words that <unk> stands for).

    raises    UsageError if the vocabulary has no way to write a symbol of the file
    """
    text = end.join([*lines, ""])
    ids, unknown = vocabulary.encode(text)
    if unknown and not (vocabulary.words and UNKNOWN in vocabulary.ids):
        kind = "words" if vocabulary.words else "characters"
        some = ", ".join(map(repr, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise UsageError(
            f"{path} has {len(unknown):,} {kind} that the training text lacks ({some}); "
            "take the three files from the same corpus"
        )
    return ids, unknown


def _content(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if zipped:
                with gzip.GzipFile(fileobj=file) as unzipped:
                    content = read_at_most(unzipped, LARGEST + 1)
            else:
                content = read_at_most(file, LARGEST + 1)
    except EOFError:
        raise UsageError(f"{path} is damaged: its gzip data ends too early; replace it with a fresh copy") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UsageError(f"{path} is damaged: its gzip data is corrupt ({error}); replace it") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"{path} cannot be read ({reason}); check that it is a readable file") from None
    if len(content) > LARGEST:
        raise UsageError(f"{path} has more than {LARGEST:,} bytes, too much for one text; use a smaller file")
    return content


def _decoded(path: Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is not UTF-8 text: byte {error.object[error.start]:#04x} at position {error.start:,}; "
            f"convert it, as in iconv -f LATIN1 -t UTF-8"
        ) from None
    if "\0" in text:
        raise UsageError(
            f"{path} is no text: it has a zero byte at character {text.index(chr(0)):,}; save it as UTF-8 text"
        )
    return text
