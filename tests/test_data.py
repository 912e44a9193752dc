"""Data on disk: where it is looked for, and that no damaged file gets past the reader."""

import gzip
import inspect
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirnn import catalog, data
from minirnn.data import MNIST, describe, find_mnist, load_mnist, read_idx
from minirnn.errors import UsageError

IMAGES = np.arange(5 * 784, dtype=np.uint32).astype(np.uint8).reshape(5, 28, 28)
LABELS = np.array([0, 9, 3, 3, 1], dtype=np.uint8)


def _idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def _write(folder, suffix="", images=IMAGES, labels=LABELS):
    folder.mkdir(parents=True, exist_ok=True)
    for name in MNIST:
        content = _idx(images if "images" in name else labels)
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    return folder


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No data set of this machine: MINIRNN_DATA is unset and the cache folder is empty."""
    monkeypatch.delenv("MINIRNN_DATA", raising=False)
    monkeypatch.setattr(data.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    return tmp_path


# ---------------------------------------------------------------- where to look

@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("below", [".", "mnist", "mnist10k", "digits"])
def test_data_lies_in_the_folder_or_one_below(places, below, suffix):
    folder = _write(places / "root" / below, suffix)
    mnist = load_mnist(places / "root")
    assert mnist.folder.samefile(folder)
    assert np.array_equal(mnist.train_images, IMAGES)
    assert np.array_equal(mnist.test_labels, LABELS)


def test_a_given_folder_is_the_only_place_looked_in(places, monkeypatch):
    monkeypatch.setenv("MINIRNN_DATA", str(_write(places / "named")))
    (places / "empty").mkdir()
    with pytest.raises(UsageError, match="--data-dir"):
        find_mnist(places / "empty")


def test_the_named_folder_comes_before_the_cache(places, monkeypatch):
    _write(places / "cache" / "minirnn")
    assert find_mnist()[MNIST[0]].parent == places / "cache" / "minirnn"
    monkeypatch.setenv("MINIRNN_DATA", str(_write(places / "named")))
    assert find_mnist()[MNIST[0]].parent == places / "named"
    monkeypatch.setenv("MINIRNN_DATA", str(places / "nowhere"))
    assert find_mnist()[MNIST[0]].parent == places / "cache" / "minirnn"
    monkeypatch.setenv("MINIRNN_DATA", "")
    assert find_mnist()[MNIST[0]].parent == places / "cache" / "minirnn"


def test_fashion_mnist_is_not_taken_for_mnist_beside_it(places):
    _write(places / "root" / "fashion")
    _write(places / "root" / "MNIST")
    assert find_mnist(places / "root")[MNIST[0]].parent == places / "root" / "MNIST"


def test_plain_and_compressed_files_may_be_mixed(places):
    folder = _write(places / "root", ".gz")
    plain = folder / MNIST[1]
    plain.write_bytes(_idx(LABELS))
    (folder / f"{MNIST[1]}.gz").unlink()
    assert find_mnist(folder)[MNIST[1]] == plain


def test_absent_data_is_one_sentence_that_says_what_where_and_what_to_do(places, monkeypatch):
    monkeypatch.setenv("MINIRNN_DATA", str(places / "nowhere"))
    with pytest.raises(UsageError) as error:
        find_mnist()
    message = str(error.value)
    where = (f"{places / 'nowhere'} (MINIRNN_DATA, no folder)", str(places / "cache"))
    for said in (*MNIST, *where, "put the four files"):
        assert said in message
    assert "\n" not in message


def test_tasks_without_data_are_named_where_data_is_absent(places):
    free = [name for name, task in catalog.components("tasks").items()
            if "data_dir" not in inspect.signature(task).parameters]
    with pytest.raises(UsageError) as error:
        find_mnist()
    assert all(name in str(error.value) for name in free)


def test_an_incomplete_folder_is_told_what_it_lacks(places):
    folder = _write(places / "root" / "mnist")
    (folder / MNIST[3]).unlink()
    with pytest.raises(UsageError, match=rf"{folder} lacks {MNIST[3]}\)"):
        find_mnist(places / "root")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [(given, "data_dir must be the path of a folder") for given in ("", 3, ["a"])]
    + [(given, "MNIST is not there") for given in ("no\0path", "~nobody-of-that-name/x")],
)
def test_what_is_no_folder_is_refused(given, sentence):
    with pytest.raises(UsageError, match=sentence):
        find_mnist(given)


# ---------------------------------------------------------------- the reader

@given(st.integers(1, 3).flatmap(lambda d: st.lists(st.integers(0, 5), min_size=d, max_size=d)), st.booleans())
@settings(max_examples=50, deadline=None, database=None)
def test_what_is_written_is_read(tmp_path_factory, shape, zipped):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(gzip.compress(_idx(array)) if zipped else _idx(array))
    assert np.array_equal(read_idx(path, array.ndim), array)
    assert read_idx(path, array.ndim).dtype == np.uint8


def test_content_decides_what_is_compressed_not_the_name(tmp_path):
    plain, zipped = tmp_path / "plain.gz", tmp_path / "zipped"
    plain.write_bytes(_idx(LABELS))
    zipped.write_bytes(gzip.compress(_idx(LABELS)))
    assert np.array_equal(read_idx(plain, 1), read_idx(zipped, 1))


GOOD = _idx(LABELS)
DAMAGE = {
    "an empty file": (b"", "got an empty file"),
    "one byte": (b"\0", "got 00"),
    "a web page": (b"<!DOCTYPE html>", "got 3c 21 44 4f"),
    "images instead of labels": (_idx(IMAGES), "00 00 08 01 .got 00 00 08 03"),
    "floats": (b"\0\0\x0d\x01" + GOOD[4:], "got 00 00 0d 01"),
    "little-endian": (b"\x01\x08\0\0" + GOOD[4:], "got 01 08 00 00"),
    "a header cut short": (GOOD[:6], "header ends after 6 bytes"),
    "nothing after the header": (GOOD[:8], r"promises 5 bytes \(got 0\)"),
    "one label too few": (GOOD[:-1], r"promises 5 bytes \(got 4\)"),
    "one label too many": (GOOD + b"\0", r"promises 5 bytes \(got more\)"),
    "an absurd header": (b"\0\0\x08\x01\xff\xff\xff\xff" + LABELS.tobytes(), "claims 4294967295 bytes"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_refused_in_one_sentence_with_the_path(tmp_path, what, zipped):
    content, reason = DAMAGE[what]
    path = tmp_path / "labels"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(UsageError, match=reason) as error:
        read_idx(path, 1)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert "replace it" in str(error.value)


@pytest.mark.parametrize("zipped", [False, True])
def test_every_truncation_of_a_file_is_noticed(tmp_path, zipped):
    content = gzip.compress(GOOD) if zipped else GOOD
    path = tmp_path / "labels"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(UsageError):
            read_idx(path, 1)


def test_no_flipped_bit_of_compressed_data_reaches_the_labels(tmp_path):
    content, path = gzip.compress(GOOD), tmp_path / "labels"
    refused = 0
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            assert np.array_equal(read_idx(path, 1), LABELS)        # a time stamp, or padding, was hit
        except UsageError:
            refused += 1
    assert refused > 4 * len(content)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("claim", [(2**31, 2**9, 1), (2**32 - 1,) * 3, (600_000, 28, 28)])
def test_memory_is_bounded_by_the_data_not_by_what_the_header_claims(tmp_path, claim, zipped):
    content = b"\0\0\x08\x03" + struct.pack(">3I", *claim) + bytes(100)
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if zipped else content)
    tracemalloc.start()
    try:
        with pytest.raises(UsageError):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_small_file_that_unpacks_to_much_more_than_its_header_says_is_not_unpacked(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(gzip.compress(_idx(LABELS) + bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(UsageError, match="got more"):
            read_idx(path, 1)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_what_cannot_be_opened_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"cannot be read \(No such file"):
        read_idx(tmp_path / "absent", 1)
    with pytest.raises(UsageError, match="cannot be read"):
        read_idx(tmp_path, 1)


# ---------------------------------------------------------------- the four files together

@pytest.mark.parametrize(("images", "labels", "reason"), [
    (IMAGES, LABELS[:-1], "4 labels for the 5 images of train-images"),
    (IMAGES, np.array([0, 1, 10, 3, 4], dtype=np.uint8), r"labels are digits 0 to 9 \(got 10 at 2\)"),
    (IMAGES[:, :27], LABELS, "got 5 x 27 x 28"),
    (IMAGES[:0], LABELS[:0], "got 0 x 28 x 28"),
])
def test_files_that_do_not_fit_together_are_refused(places, images, labels, reason):
    _write(places / "root", images=images, labels=labels)
    with pytest.raises(UsageError, match=reason):
        load_mnist(places / "root")


def test_doctor_is_told_what_is_there(places):
    _write(places / "root" / "mnist")
    for name in data.PTB:
        (places / "root" / name).write_text("no it was n't\n")
    mnist, ptb = describe(places / "root")
    assert mnist.folder == places / "root" / "mnist"
    assert mnist.detail == "5 training images, a subset of the official 60,000, and 5 test images"
    assert ptb.folder == places / "root"
    assert "ptb.train.txt 14 bytes" in ptb.detail


def test_doctor_is_told_what_is_absent_or_damaged(places):
    mnist, ptb = describe()
    assert mnist.folder is ptb.folder is None
    assert "put the four files" in mnist.detail
    assert str(places / "cache") in ptb.detail
    (_write(places / "root") / MNIST[2]).write_bytes(b"")
    assert "an empty file" in describe(places / "root")[0].detail
    assert [found.folder for found in describe("")] == [None, None]


REAL = os.environ.get("MINIRNN_DATA")


@pytest.mark.skipif(not REAL, reason="MINIRNN_DATA names no folder with the real MNIST")
def test_the_real_files_are_read():
    mnist = load_mnist(REAL)
    assert mnist.test_images.shape == (10_000, 28, 28)
    assert mnist.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]       # the official test set
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
