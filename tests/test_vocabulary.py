"""Vocabularies: encoding and decoding undo each other, unknown symbols are reported, the digest tells them apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirnn.errors import UsageError
from minirnn.vocabulary import Vocabulary

LINES = ["the cat saw the <unk>", "a cat"]


def test_words_are_numbered_by_frequency_then_alphabet():
    assert Vocabulary.of_words(LINES).symbols == ("<eos>", "cat", "the", "<unk>", "a", "saw")


def test_characters_are_numbered_in_unicode_order_and_the_end_comes_last():
    assert Vocabulary.of_characters(["ba", "a c"]).symbols == (" ", "a", "b", "c")
    assert Vocabulary.of_characters(["ba"], end=True).symbols == ("a", "b", "\n")


def test_every_line_ends_with_eos():
    vocabulary = Vocabulary.of_words(LINES)
    ids, unknown = vocabulary.encode("the cat\na cat\n")
    assert [vocabulary.symbols[k] for k in ids] == ["the", "cat", "<eos>", "a", "cat", "<eos>"]
    assert unknown == []


@given(st.lists(st.lists(st.sampled_from(["the", "cat", "saw", "<unk>", "a"]), min_size=1), min_size=1))
def test_decoding_undoes_encoding_for_words(lines):
    vocabulary, text = Vocabulary.of_words(LINES), "\n".join(map(" ".join, lines))
    assert vocabulary.decode(vocabulary.encode(text)[0]) == text


@given(st.text(st.sampled_from("the catsw<unk>\n")))
def test_decoding_undoes_encoding_for_characters(text):
    vocabulary = Vocabulary.of_characters(LINES, end=True)
    ids, unknown = vocabulary.encode("".join(c for c in text if c in vocabulary.ids))
    assert vocabulary.decode(ids) == "".join(c for c in text if c in vocabulary.ids)
    assert unknown == []


def test_unknown_words_are_reported_once_and_read_as_unk():
    vocabulary = Vocabulary.of_words(LINES)
    ids, unknown = vocabulary.encode("the dog saw a dog and a cat")
    assert unknown == ["dog", "and"]
    assert vocabulary.decode(ids) == "the <unk> saw a <unk> <unk> a cat"


@pytest.mark.parametrize("vocabulary", [Vocabulary.of_words(["the cat"]), Vocabulary.of_characters(["the cat"])])
def test_unknown_symbols_without_a_substitute_are_left_out(vocabulary):
    assert vocabulary.decode(vocabulary.encode("the! cat" if not vocabulary.words else "the big cat")[0]) == "the cat"


def test_the_empty_text_has_no_numbers():
    ids, unknown = Vocabulary.of_words(LINES).encode("")
    assert ids.shape == (0,)
    assert ids.dtype == "int64"
    assert unknown == []


def test_the_digest_depends_on_symbols_order_and_kind_alone():
    variants = [("ab", True), (["a", "b"], True), ("ba", True), ("ab", False), ("abc", True)]
    of = [Vocabulary(symbols, words).digest for symbols, words in variants]
    assert of[0] == of[1]
    assert len(set(of)) == 4


def test_a_symbol_twice_is_refused():
    with pytest.raises(UsageError, match=r"each symbol once \(got 'a' more often"):
        Vocabulary(["a", "b", "a"], words=True)
