"""The test on the bytes of a file that spares most files the parser."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import chain

_UNREADABLE_BOMS = (b"\xff\xfe", b"\xfe\xff")
#: So few alternatives have few pieces of words in common, and looking for these is quicker than taking words apart.
_FEW = 50
#: Bytes that are taken apart at once: the words of a large file would take many times its size.
_PIECE = 1 << 20

#: The spellings of what silences a line.
NOQA = frozenset({b"noqa", b"NOQA", b"NoQA"})


@dataclass(frozen=True)
class Triggers:
    """The words that a file must hold for any of some rules to speak: alternatives, each needing all of its words.

    A word that ends with ``=`` must stand there as a keyword or as a string. ``others`` are words that are looked for
    beside these.
    """

    alternatives: tuple[tuple[bytes, ...], ...]
    others: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, alternatives: Iterable[Sequence[str]], others: frozenset[bytes] = frozenset()) -> Triggers:
        """Take the alternatives of all selected cards, each once; the longest word is the rarest and comes first."""
        sets = (sorted((word.encode() for word in words), key=len, reverse=True) for words in alternatives)
        return cls(tuple(dict.fromkeys(map(tuple, sets))), others)

    def found_in(self, raw: bytes) -> bool:
        """Say whether the bytes of a file need the parser."""
        return self.met_by(self.words_in(raw), raw)

    def words_in(self, raw: bytes) -> frozenset[bytes]:
        """Return those of the words, and of the others, that stand in the bytes of a file."""
        # `in` is many times faster than anything else, and settles nearly every file.
        if self._hints and not any(hint in raw for hint in self._hints):
            return frozenset()
        return frozenset(chain.from_iterable(map(self._words.intersection, words_of(raw))))

    def met_by(self, words: frozenset[bytes], raw: bytes) -> bool:
        """Say whether the bytes of a file, with the words that stand in it, hold all words of an alternative.

        UTF-16 does, since it must be named as unreadable.
        """
        if raw.startswith(_UNREADABLE_BOMS):
            return True
        if not words:
            return False
        holds = cache(partial(_holds, raw, words))
        return any(all(map(holds, needed)) for word in words for needed in self._by_first.get(word, ()))

    @cached_property
    def _words(self) -> frozenset[bytes]:
        return self.others.union(word.rstrip(b"=") for words in self.alternatives for word in words)

    @cached_property
    def _by_first(self) -> dict[bytes, list[tuple[bytes, ...]]]:
        """The first word of alternatives -> these."""
        found: dict[bytes, list[tuple[bytes, ...]]] = {}
        for words in self.alternatives:
            found.setdefault(words[0].rstrip(b"="), []).append(words)
        return found

    @cached_property
    def _hints(self) -> tuple[bytes, ...]:
        """Pieces of words, of which each alternative has one, and the others; nothing for many."""
        few = len(self.alternatives) <= _FEW
        return (*_commonest(self.alternatives), *sorted(self.others)) if few else ()


def _commonest(alternatives: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """Yield pieces of words of which each alternative has one: those that stand for most alternatives first."""
    # Most of our words end alike (...regularizer), so that one look at the end stands for all of them.
    waiting = [{word.rstrip(b"=")[-8:] for word in words} for words in alternatives]
    while waiting:
        commonest, _ = max(
            Counter(chain.from_iterable(waiting)).items(), key=lambda item: (item[1], len(item[0]), item)
        )
        yield commonest
        waiting = [words for words in waiting if not any(commonest in word for word in words)]


_WORD = frozenset(b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BLANKS = bytes(byte if byte in _WORD else 0x20 for byte in range(256))
_BLANK = re.compile(rb"\s")
# In a notebook a word may follow an escape, as in ``"\nDense"``; in code a word never follows a backslash.
_ESCAPE = re.compile(rb"\\[nrtfb]")
# A comment, a continued line, or the end of a line in a notebook's JSON may stand before the equals sign.
_KEYWORD = re.compile(rb"\s*(?:=(?!=)|[#\\])|['\"]")


def words_of(raw: bytes) -> Iterator[list[bytes]]:
    """Yield the words of a file, whatever stands between them, for a part of the file at a time."""
    start = 0
    while start < len(raw):
        found = _BLANK.search(raw, start + _PIECE)
        end = found.end() if found else len(raw)
        piece = raw[start:end]
        if b"\\" in piece:
            piece = _ESCAPE.sub(b" ", piece)
        yield piece.translate(_BLANKS).split()
        start = end


def _holds(raw: bytes, words: frozenset[bytes], word: bytes) -> bool:
    """Say whether a word is among those of a file; one that ends with ``=`` must be a keyword or a string there."""
    name = word.rstrip(b"=")
    return name in words and (name is word or _is_keyword(raw, name))


def _is_keyword(raw: bytes, name: bytes) -> bool:
    start = raw.find(name)
    while start >= 0:
        end = start + len(name)
        if _KEYWORD.match(raw, end):
            before = raw[max(start - 2, 0) : start]
            if not (before and before[-1] in _WORD) or _ESCAPE.fullmatch(before):
                return True
        start = raw.find(name, end)
    return False


def may_suppress(raw: bytes, prefixes: Iterable[bytes]) -> bool:
    """Say whether a comment of the file may name one of our codes, so that it could be a suppression without use."""
    return any(re.search(rb"noqa[^\n]*" + re.escape(prefix) + rb"[0-9]", raw, re.IGNORECASE) for prefix in prefixes)
