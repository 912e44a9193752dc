"""minirnn errata: the list, of one paper too, one erratum with its numbers, and a number that does not exist."""

import pytest

from minirnn.errata import ERRATA, about, stated


def words(text):
    return " ".join(text.split())


def test_the_list_has_one_line_each(minirnn):
    result = minirnn("errata")
    assert result.code == 0
    lines = result.out.splitlines()
    assert len(lines) == len(ERRATA)
    for number, (line, erratum) in enumerate(zip(lines, ERRATA, strict=True), 1):
        assert line.split()[0] == str(number)
        assert erratum.title in line
        assert erratum.source in line


@pytest.mark.parametrize("number", range(1, len(ERRATA) + 1))
def test_one_erratum_is_printed_whole_with_its_numbers(minirnn, number):
    result = minirnn("errata", number)
    erratum = ERRATA[number - 1]
    assert result.code == 0
    shown = words(result.out)
    for text in (erratum.title, erratum.source, erratum.printed, erratum.true, erratum.proof, about(erratum.example)):
        assert words(text) in shown
    for label, value in erratum.example().items():
        assert words(f"{label} {stated(value)}") in shown


@pytest.mark.parametrize("number", ["0", "99", "1000", "three", "-1", "²"])
def test_an_unknown_number_is_one_sentence(minirnn, number):
    result = minirnn("errata", "--", number)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith(f"Error: there is no erratum {number!r}; choose a number from 1 to {len(ERRATA)}, or ")
    assert result.err.count("\n") == 1


def test_a_papers_key_lists_what_is_about_it(minirnn):
    result = minirnn("errata", "dorobantu2016")
    assert result.code == 0
    about_it = [erratum.title for erratum in ERRATA if "dorobantu2016" in erratum.source]
    assert [line for line, title in zip(result.out.splitlines(), about_it, strict=True) if title not in line] == []


def test_help_has_examples(minirnn):
    assert "minirnn errata 3" in minirnn("errata", "--help").out
