"""Downloading the data sets: verified by SHA-256, continued after an interruption, in place whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
    renamed. What an interrupted download has brought is kept as .NAME.part, and continued the next time.

    mirrors   to use instead of the data set's own
    replace   whether a file that is there, and is not the official one, may be replaced
    raises    UsageError: no mirror delivers, the folder cannot be written, a file is in the way, pooch is missing
    """
    wanted = find(name)
    missing = [file for file in wanted.files if not _present(wanted, file, folder, replace)]
    if not missing:
        return []
    try:
        import pooch
    except ImportError:
        wanted_by = "downloading needs pooch: pip install 'minirnn[data]'"
        raise UsageError(f"{wanted_by}; or {_by_hand(wanted, folder)}") from None
    pooch.get_logger().setLevel("WARNING")
    for file in missing:
        problems = []
        for mirror in mirrors or wanted.mirrors:
            problem = _retrieve(f"{mirror.rstrip('/')}/{file.name}", file, folder, follow)
            if not problem:
                break
            problems.append(f"{urlsplit(mirror).netloc or mirror} {problem}")
        else:
            raise UsageError(f"{file.name} could not be fetched ({'; '.join(problems)}); {_by_hand(wanted, folder)}")
    return [file.name for file in missing]


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
    import pooch
    import requests

    downloader = Resuming(folder / f".{file.name}.part", file, follow)
    try:
        for _ in range(2):
            try:
                pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
                return ""
            except ValueError as error:
                if isinstance(error, requests.RequestException):
                    raise
                if not downloader.resumed:                          # else the part may be to blame, not the mirror
                    break
        return "sends a file with another SHA-256 than the official one, which was refused"
    except requests.HTTPError as error:
        return f"answers with HTTP {error.response.status_code if error.response is not None else 'error'}"
    except requests.Timeout:
        return "does not answer"
    except requests.RequestException:
        here = downloader.here
        return f"breaks off after {here:,} of {file.size:,} bytes" if here else "cannot be reached"
    except OSError as error:
        raise UsageError(f"cannot write to {folder} ({error.strerror}); name another --data-dir") from None


class Resuming:
    """pooch's downloader, but what came before an interruption is continued by an HTTP range request."""

    def __init__(self, part: Path, file: File, follow: Follow):
        self.part, self.file, self.follow = part, file, follow
        self.resumed, self.here = False, 0

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        import requests

        here = self.part.stat().st_size if self.part.is_file() else 0
        if here >= self.file.size:
            here = 0
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == 416:                         # the part is longer than the file of this mirror
                self.part.unlink()
                return self(url, output_file, pooch)
            response.raise_for_status()
            self.resumed = here > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {here}-")
            self.here = here if self.resumed else 0                 # a mirror without ranges sends all of it again
            with open(self.part, "ab" if self.resumed else "wb") as part:
                for piece in response.iter_content(PIECE):
                    part.write(piece)
                    self.here += len(piece)
                    self.follow(self.file.name, self.here, self.file.size)
                    if self.here > self.file.size:                  # the checksum will say so
                        break
            if self.here < self.file.size and "Content-Length" not in response.headers:
                raise requests.ConnectionError("the connection ended early")
        os.replace(self.part, output_file)


def _by_hand(wanted: DataSet, folder: Path) -> str:
    names = ", ".join(file.name for file in wanted.files)
    free = ", ".join(tasks_of(None))
    return f"put {names} into {folder} by hand, or run a task that needs no data: {free}"
