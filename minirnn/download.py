"""Downloading the data sets: verified by SHA-256, continued after an interruption, in place whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from minirnn import locks
from minirnn.datasets import DataSet, File, compare, find, tasks_of
from minirnn.errors import UsageError

PIECE = 1 << 12         # bytes; of a connection that breaks, the piece under way is lost
TIMEOUT = (10, 30)      # seconds until a mirror counts as dead: to connect, and between two pieces
Follow = Callable[[str, int, int], None]        # (file, bytes that are here, bytes in all)


def fetch(
    name: str, folder: Path, mirrors: Sequence[str] = (), replace: bool = False,
    follow: Follow = lambda file, here, size: None,
) -> list[str]:
    """Download the files of a data set that are not in the folder yet, and return their names.

    Each comes from the first mirror that delivers it with the official checksum, is written beside its place and
    renamed. What an interrupted download has brought is kept as .NAME.part, and continued the next time. Of two
    processes that fetch into one folder, the second waits for the first.

    mirrors   to use instead of the data set's own
    replace   whether a file that is there, and is not the official one, may be replaced
    raises    UsageError: no mirror delivers, the folder cannot be written, a file is in the way, requests is missing
    """
    wanted = find(name)
    if not _missing(wanted, folder, replace):
        return []
    try:
        import requests  # noqa: F401
    except ImportError:
        wanted_by = "downloading needs requests: pip install 'minirnn[data]'"
        raise UsageError(f"{wanted_by}; or {_by_hand(wanted, folder)}") from None
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locks.held(folder / ".lock"):                          # who came second finds what the first has brought
            missing = _missing(wanted, folder, replace)
            for file in missing:
                _fetch_one(wanted, file, folder, mirrors or wanted.mirrors, follow)
    return [file.name for file in missing]


def _fetch_one(wanted: DataSet, file: File, folder: Path, mirrors: Sequence[str], follow: Follow) -> None:
    """From the first mirror that delivers it.  raises UsageError if none does"""
    problems = []
    for mirror in mirrors:
        problem = _retrieve(f"{mirror.rstrip('/')}/{file.name}", file, folder, follow)
        if not problem:
            return
        problems.append(f"{_host(mirror)} {problem}")
    raise UsageError(f"{file.name} could not be fetched ({'; '.join(problems)}); {_by_hand(wanted, folder)}")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """raises UsageError where what is within cannot write"""
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot write to {folder} ({error.strerror}); name another --data-dir") from None


def _missing(wanted: DataSet, folder: Path, replace: bool) -> list[File]:
    return [file for file in wanted.files if not _present(wanted, file, folder, replace)]


def _present(wanted: DataSet, file: File, folder: Path, replace: bool) -> bool:
    """Whether the official file is there.  raises UsageError if another one is in its place"""
    for path in (folder / file.plain, folder / file.name):
        if not path.is_file():
            continue
        found = compare(wanted, file, path)
        if found.state == "official":
            return True
        if path.name != file.name:
            raise UsageError(
                f"{path} is not the official file ({found.detail}); move it away, or name another --data-dir"
            )
        if not replace:
            raise UsageError(
                f"{path} is not the official file ({found.detail}); --replace fetches that one in its place, and "
                "another --data-dir keeps both"
            )
    return False


def _retrieve(url: str, file: File, folder: Path, follow: Follow) -> str:
    """Download one file to its place. Returns "", or what is wrong with the mirror."""
    import requests

    part = Part(folder / f".{file.name}.part", file, follow)
    try:
        for _ in range(2):
            part.download(url)
            if part.good():
                os.replace(part.path, folder / file.name)
                return ""
            part.path.unlink()
            if not part.resumed:                                    # else what was there may be to blame
                break
        return "sends a file with another SHA-256 than the official one, which was refused"
    except requests.HTTPError as error:
        return f"answers with HTTP {error.response.status_code if error.response is not None else 'error'}"
    except requests.Timeout:
        return "does not answer"
    except requests.RequestException:
        return f"breaks off after {part.here:,} of {file.size:,} bytes" if part.here else "cannot be reached"


class Part:
    """What has come of a file. After an interruption, the next download goes on where it ends."""

    def __init__(self, path: Path, file: File, follow: Follow):
        self.path, self.file, self.follow = path, file, follow
        self.resumed, self.here = False, 0

    def download(self, url: str) -> None:
        import requests

        here = self.path.stat().st_size if self.path.is_file() else 0
        if here == self.file.size and self.good():                  # stopped after the last byte
            self.here = here
            return
        if here >= self.file.size:
            here = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416:                         # the part is longer than the file of this mirror
                self.path.unlink()
                return self.download(url)
            response.raise_for_status()
            self.resumed = here > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {here}-")
            self.here = here if self.resumed else 0                 # a mirror without ranges sends all of it again
            with open(self.path, "ab" if self.resumed else "wb") as part:
                for piece in response.iter_content(PIECE):
                    part.write(piece)
                    self.here += len(piece)
                    self.follow(self.file.name, self.here, self.file.size)
                    if self.here > self.file.size:                  # the checksum will say so
                        break
                part.flush()
                os.fsync(part.fileno())
            if self.here < self.file.size and "Content-Length" not in response.headers:
                raise requests.ConnectionError("the connection ended early")

    def good(self) -> bool:
        """Whether it is the official file, to the last byte."""
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.file.sha256


def _host(mirror: str) -> str:
    with suppress(ValueError):
        return urlsplit(mirror).netloc or mirror
    return mirror


def _by_hand(wanted: DataSet, folder: Path) -> str:
    names = ", ".join(file.name for file in wanted.files)
    free = ", ".join(tasks_of(None))
    return f"put {names} into {folder} by hand, or run a task that needs no data: {free}"
