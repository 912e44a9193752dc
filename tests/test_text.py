"""Reading text strictly: one form for all line ends, and one sentence for what is no text."""

import gzip

import pytest

from minirnn.errors import UsageError
from minirnn.text import encode_file, read_lines
from minirnn.vocabulary import Vocabulary

UNIX = " the cat sat \n\n it was   black \nend"
LINES = ["the cat sat", "it was black", "end"]


@pytest.fixture
def write(tmp_path):
    def call(content: bytes):
        path = tmp_path / "ptb.train.txt"
        path.write_bytes(content)
        return path

    return call


@pytest.mark.parametrize(
    "content",
    [UNIX, UNIX.replace("\n", "\r\n"), UNIX.replace("\n", "\r"), "\ufeff" + UNIX, UNIX + "\n", UNIX.replace(" ", "\t")],
    ids=["unix", "windows", "old macintosh", "byte-order mark", "last line end", "tabs"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_same_text_gives_the_same_lines_on_every_system(write, content, pack):
    assert read_lines(write(pack(content.encode()))) == LINES


BAD = {
    "empty": (b"", "holds no text"),
    "blank": (b" \n\r\n\t \n", "holds no text"),
    "latin-1": ("déjà vu".encode("latin-1"), "is not UTF-8 text: byte 0xe9 at position 1; convert it"),
    "utf-16": ("the cat".encode("utf-16"), "is not UTF-8 text: byte 0xff at position 0"),
    "utf-16 without mark": ("the cat".encode("utf-16-le"), "it has a zero byte at character 1"),
    "truncated gzip": (gzip.compress(b"the cat " * 900)[:40], "its gzip data ends too early"),
    "corrupt gzip": (b"\x1f\x8b" + bytes(40), "its gzip data is corrupt"),
    "flipped gzip": (gzip.compress(b"the cat")[:-6] + bytes(6), "its gzip data is corrupt"),
}


@pytest.mark.parametrize(("content", "sentence"), BAD.values(), ids=BAD.keys())
def test_what_is_no_text_is_refused_in_one_sentence_with_its_path(write, content, sentence):
    path = write(content)
    with pytest.raises(UsageError) as caught:
        read_lines(path)
    assert str(caught.value).startswith(str(path))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.txt cannot be read"):
        read_lines(tmp_path / "absent.txt")


def test_unknown_words_become_unk_where_there_is_one(tmp_path):
    ids, unknown = encode_file(tmp_path, ["the dog"], Vocabulary.of_words(["the <unk>"]), "\n")
    assert len(ids) == 3
    assert unknown == ["dog"]


@pytest.mark.parametrize(
    ("vocabulary", "sentence"),
    [(Vocabulary.of_words(["the cat"]), r"1 words that the training text lacks \('dog'\); take the three files"),
     (Vocabulary.of_characters(["the cat"]), r"3 characters that .* lacks \('d', 'o', 'g'\)")],
)
def test_without_unk_a_foreign_text_is_refused(tmp_path, vocabulary, sentence):
    with pytest.raises(UsageError, match=sentence):
        encode_file(tmp_path / "ptb.test.txt", ["the dog"], vocabulary, "\n" if vocabulary.words else "")
