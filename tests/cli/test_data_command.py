"""minirnn data verify, list and path: what is found, and what a copy is worth."""

import gzip
import hashlib
import json

import mnist_files
import pytest
from mnist_files import OFFICIAL, SUBSET, digits

from minirnn import data, datasets
from minirnn.datasets import SETS, File

RNG = mnist_files.RNG                   # what digits() draws from


@pytest.fixture(autouse=True)
def small_mnist(monkeypatch, tmp_path):
    mnist_files.install(monkeypatch, tmp_path)


# -- verify ------------------------------------------------------------------------------------------------------------


def verified(minirnn, files, tmp_path, *options):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    result = minirnn("data", "verify", "mnist", "--data-dir", tmp_path, *options)
    return result, minirnn("data", "verify", "mnist", "--data-dir", tmp_path, "--json")


def test_verify_accepts_the_official_files_packed_otherwise_or_plain(minirnn, tmp_path):
    plain = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in OFFICIAL.items()}
    first = data.MNIST[0]
    again = gzip.compress(plain.pop(first), compresslevel=1)
    result, as_json = verified(minirnn, {**plain, f"{first}.gz": again}, tmp_path)
    assert result.code == 0
    assert [c["state"] for c in json.loads(as_json.out)["mnist"]] == ["official"] * 4


def test_verify_accepts_a_subset_and_names_it_as_such(minirnn, tmp_path):
    result, _ = verified(minirnn, SUBSET, tmp_path)
    assert result.code == 0
    assert "subset: 100 of 300 images" in result.out


def test_verify_exits_3_for_other_images_of_the_same_number(minirnn, tmp_path):
    result, _ = verified(minirnn, digits(300), tmp_path)
    assert result.code == 3
    assert "300 images (official: 300), but SHA-256" in result.out


def test_verify_exits_3_for_a_damaged_file_and_names_it(minirnn, tmp_path):
    first = data.MNIST[0] + ".gz"
    result, _ = verified(minirnn, {**OFFICIAL, first: OFFICIAL[first][:-100]}, tmp_path)
    assert result.code == 3
    assert f"{first} is damaged" in result.err


def test_windows_line_ends_are_named_and_accepted(tmp_path):
    sentences = b" a b \n c d \n"
    file = File("ptb.train.txt", 0, "", hashlib.sha256(sentences).hexdigest(), 2)
    (tmp_path / "ptb.train.txt").write_bytes(sentences.replace(b"\n", b"\r\n"))
    found = datasets.compare(SETS["ptb"], file, tmp_path / "ptb.train.txt")
    assert (found.state, found.detail) == ("official", "2 sentences, with Windows line ends")


def test_verify_without_any_data_set_says_how_to_get_one(minirnn):
    result = minirnn("data", "verify")
    assert result.code == 2
    assert "minirnn data fetch" in result.err


# -- list and path -----------------------------------------------------------------------------------------------------


def test_list_names_the_tasks_of_each_set_and_those_that_need_none(minirnn):
    found = json.loads(minirnn("data", "list", "--json").out)
    assert "sequential-mnist" in found["data sets"]["mnist"]["tasks"]
    assert {"adding", "copy", "recall"} <= set(found["tasks without data"])
    assert "not found; minirnn data fetch mnist" in minirnn("data", "list").out


@pytest.mark.parametrize("words", [("fetch", "mnits"), ("path", "mnits"), ("verify", "mnits")])
def test_an_unknown_data_set_is_answered_with_the_nearest(minirnn, words):
    result = minirnn("data", *words)
    assert result.code == 2
    assert "did you mean 'mnist'?" in result.err


def test_path_of_absent_data_says_what_to_do(minirnn):
    result = minirnn("data", "path", "mnist")
    assert result.code == 2
    assert "minirnn data fetch mnist" in result.err
