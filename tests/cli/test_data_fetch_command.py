"""minirnn data fetch: downloads from a server on this machine, broken off, wrong or whole, and what they replace."""

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mnist_files
import pytest
from mnist_files import DEAD, OFFICIAL, SUBSET

from minirnn import data


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch, tmp_path):
    mnist_files.install(monkeypatch, tmp_path)


class Mirror(ThreadingHTTPServer):
    """Serves `files`; `cut` breaks a reply off after so many bytes; `ranges` says whether range requests are obeyed."""

    daemon_threads = True

    def __init__(self, files, cut=None, ranges=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cut, self.ranges, self.asked = files, cut, ranges, []
        self.url = f"http://127.0.0.1:{self.server_port}/mnist"


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self):
        content = self.server.files.get(self.path.rpartition("/")[2])
        self.server.asked.append((self.path, self.headers.get("Range")))
        if content is None:
            self.send_error(404)
            return
        start = 0
        if self.server.ranges and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.server.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror():
    """mirror(files, ...) -> a running Mirror."""
    running = []

    def start(files, **options):
        server = Mirror(files, **options)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_fetch_puts_the_official_files_where_the_tasks_find_them(minirnn, mirror, tmp_path, contents):
    result = minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL).url)
    assert result.code == 0
    assert contents(tmp_path / "cache/mnist") == OFFICIAL
    assert minirnn("data", "path", "mnist").out.strip() == str(tmp_path / "cache/mnist")
    assert len(data.load_mnist().train_images) == 300


def test_what_is_there_is_not_fetched_again(minirnn, mirror):
    server = mirror(OFFICIAL)
    minirnn("data", "fetch", "mnist", "--mirror", server.url)
    server.asked.clear()
    assert "nothing to do" in minirnn("data", "fetch", "mnist", "--mirror", server.url).out
    assert server.asked == []


def test_the_environment_names_mirrors_and_a_dead_one_is_passed_over(minirnn, mirror, monkeypatch, tmp_path, contents):
    monkeypatch.setenv("MINIRNN_MIRROR", f"{DEAD} {mirror({}).url} {mirror(OFFICIAL).url}")
    assert minirnn("data", "fetch", "mnist", "--data-dir", "here", "--quiet").code == 0
    assert contents(tmp_path / "here") == OFFICIAL


@pytest.mark.parametrize("ranges", [True, False], ids=["by range", "whole again where the mirror has no ranges"])
def test_an_interrupted_download_leaves_nothing_in_place_and_is_continued(minirnn, mirror, tmp_path, contents, ranges):
    first = data.MNIST[0] + ".gz"
    result = minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL, cut=5_000).url)
    assert result.code == 2
    assert "breaks off after 4,096 of" in result.err
    assert contents(tmp_path) == {f"cache/mnist/.{first}.part": OFFICIAL[first][:4_096]}
    server = mirror(OFFICIAL, ranges=ranges)
    assert minirnn("data", "fetch", "mnist", "--mirror", server.url).code == 0
    assert server.asked[0] == (f"/mnist/{first}", "bytes=4096-")
    assert contents(tmp_path / "cache/mnist") == OFFICIAL


def test_ctrl_c_keeps_what_has_come(minirnn, mirror, tmp_path, contents, monkeypatch):
    def stop(self, file, here, size):
        raise KeyboardInterrupt

    monkeypatch.setattr("minirnn.cli.data.Bars.follow", stop)
    result = minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL).url)
    assert result.code == 130
    assert "goes on from there" in result.err
    (name,) = contents(tmp_path)
    assert name.endswith(".gz.part")


@pytest.mark.parametrize("part", [b"\0" * 5_000, b"\0" * 10_000_000], ids=["short", "too long"])
def test_a_damaged_part_costs_a_second_try_and_not_the_mirror(minirnn, mirror, tmp_path, contents, part):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / f".{data.MNIST[0]}.gz.part").write_bytes(part)
    assert minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL).url, "--data-dir", "here").code == 0
    assert contents(tmp_path / "here") == OFFICIAL


@pytest.mark.parametrize(
    "damage", [lambda good: b"x" + good[1:], lambda good: good[:-1], lambda good: good + b"x"],
    ids=["a byte changed", "short", "long"],
)
def test_another_checksum_is_refused_and_the_old_file_kept(minirnn, mirror, tmp_path, contents, damage):
    folder = tmp_path / "here"
    folder.mkdir()
    for name, content in SUBSET.items():
        (folder / name).write_bytes(content)
    wrong = mirror({name: damage(content) for name, content in OFFICIAL.items()})
    result = minirnn("data", "fetch", "mnist", "--mirror", wrong.url, "--data-dir", folder, "--replace")
    assert result.code == 2
    assert "another SHA-256" in result.err
    assert contents(folder) == SUBSET


def test_a_file_of_the_users_own_is_replaced_only_when_told_to(minirnn, mirror, tmp_path, contents):
    folder, server = tmp_path / "here", mirror(OFFICIAL)
    folder.mkdir()
    for name, content in SUBSET.items():
        (folder / name).write_bytes(content)
    refused = minirnn("data", "fetch", "mnist", "--mirror", server.url, "--data-dir", folder)
    assert refused.code == 2
    assert "100 of 300 images" in refused.err
    assert contents(folder) == SUBSET
    assert minirnn("data", "fetch", "mnist", "--mirror", server.url, "--data-dir", folder, "--replace").code == 0
    assert contents(folder) == OFFICIAL


def test_a_plain_file_that_would_hide_the_fetched_one_is_named(minirnn, mirror, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / data.MNIST[0]).write_bytes(gzip.decompress(SUBSET[data.MNIST[0] + ".gz"]))
    result = minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL).url, "--data-dir", "here", "--replace")
    assert result.code == 2
    assert "move it away" in result.err


def test_without_network_one_sentence_names_files_folder_and_tasks_without_data(minirnn, tmp_path):
    result = minirnn("data", "fetch", "mnist")
    assert result.code == 2
    assert result.err.count("\n") == 1
    for said in (*OFFICIAL, "cannot be reached", str(tmp_path / "cache/mnist"), "recall", "adding"):
        assert said in result.err
    assert not list(tmp_path.rglob("*.gz*"))


def test_without_requests_one_sentence_says_what_to_install(minirnn, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "requests", None)
    result = minirnn("data", "fetch", "mnist")
    assert result.code == 2
    assert "pip install 'minirnn[data]'" in result.err


def test_a_folder_that_cannot_be_written_is_named(minirnn, mirror, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL).url, "--data-dir", "file/below")
    assert result.code == 2
    assert "cannot write to file/below" in result.err
    assert (tmp_path / "file").read_text() == "mine"


def test_fetch_says_when_another_folder_comes_first(minirnn, mirror, tmp_path, monkeypatch):
    folder = tmp_path / "named"
    folder.mkdir()
    for name, content in SUBSET.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("MINIRNN_DATA", str(folder))
    result = minirnn("data", "fetch", "mnist", "--mirror", mirror(OFFICIAL).url)
    assert result.code == 0
    assert f"MINIRNN_DATA comes first: {folder}" in result.err
