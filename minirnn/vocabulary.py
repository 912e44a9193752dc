"""A vocabulary: the symbols a language model knows, each with its number."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from minirnn.errors import UsageError

END = "<eos>"           # the end of a sentence, in word vocabularies
UNKNOWN = "<unk>"       # stands for every word that the vocabulary lacks
LEFT_OUT = -1           # while a text is encoded, the number of what has none


class Vocabulary:
    """Symbols <-> numbers 0 .. len − 1, for characters or for words.

    symbols   in the order of their numbers
    words     symbols are words, between spaces, and a line's end is the word <eos>; else they are characters

    `encode` and `decode` undo each other on texts of known symbols (words: up to the spacing).
    """

    def __init__(self, symbols: Sequence[str], words: bool):
        self.symbols, self.words = tuple(symbols), words
        self.ids = {symbol: k for k, symbol in enumerate(self.symbols)}
        if len(self.ids) < len(self.symbols):
            twice = next(s for s, count in Counter(self.symbols).items() if count > 1)
            raise UsageError(f"a vocabulary holds each symbol once (got {twice!r} more often); leave the others out")

    @classmethod
    def of_characters(cls, lines: Iterable[str], end: bool = False) -> Vocabulary:
        """All characters of the lines in Unicode order; with `end`, also the line end, as the last number."""
        found = sorted(set().union(*lines))
        return cls([*found, "\n"] if end else found, words=False)

    @classmethod
    def of_words(cls, lines: Iterable[str]) -> Vocabulary:
        """All words of the lines and <eos>, the most frequent first, equally frequent ones in alphabetical order."""
        counts: Counter[str] = Counter()
        for line in lines:
            counts.update(line.split())
            counts[END] += 1
        return cls(sorted(counts, key=lambda word: (-counts[word], word)), words=True)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def digest(self) -> str:
        """SHA-256 of the symbols in order: two vocabularies with one digest give every text the same numbers."""
        kind = "words" if self.words else "characters"
        return hashlib.sha256("\0".join((kind, *self.symbols)).encode()).hexdigest()

    def encode(self, text: str) -> tuple[np.ndarray, list[str]]:
        """(numbers, unknown symbols in the order they came, each once).

        An unknown word becomes <unk>. Where the vocabulary has no <unk>, and for characters, it is left out.
        """
        parts: Sequence[str] = text.replace("\n", f" {END} ").split() if self.words else text
        unknown = [part for part in dict.fromkeys(parts) if part not in self.ids]
        instead = self.ids.get(UNKNOWN, LEFT_OUT) if self.words else LEFT_OUT
        ids = self.ids | dict.fromkeys(unknown, instead)
        found = np.fromiter(map(ids.__getitem__, parts), np.int64, len(parts))
        return found[found != LEFT_OUT] if unknown else found, unknown

    def decode(self, ids: Iterable[int]) -> str:
        """The text of these numbers; <eos> becomes a line's end."""
        parts = [self.symbols[int(k)] for k in ids]
        if not self.words:
            return "".join(parts)
        lines: list[list[str]] = [[]]
        for part in parts:
            if part == END:
                lines.append([])
            else:
                lines[-1].append(part)
        return "\n".join(" ".join(line) for line in lines)
