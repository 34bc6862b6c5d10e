"""What differs between two texts, as few and as small replacements as a reader would make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from reglint.lines import line_starts

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


class Replacement(NamedTuple):
    """``old[start:end]`` becomes ``content``."""

    start: int
    end: int
    content: str


def replacements(old: str, new: str) -> list[Replacement]:
    """Takes two texts; returns what makes the new one of the old one, in order: whole names, not pieces of them."""
    found: list[Replacement] = []
    for before, after, offset in _blocks(_lines(old), _lines(new), 0):
        words, others = _WORDS.findall("".join(before)), _WORDS.findall("".join(after))
        for gone, come, start in _blocks(words, others, offset):
            found.append(Replacement(start, start + sum(map(len, gone)), "".join(come)))
    return found


def _blocks(old: Sequence[str], new: Sequence[str], offset: int) -> Iterator[tuple[Sequence[str], Sequence[str], int]]:
    """Yield the stretches that differ, each with the offset of the first; ``offset`` is that of ``old`` itself."""
    place, offsets = offset, []
    for piece in old:
        offsets.append(place)
        place += len(piece)
    offsets.append(place)
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new).get_opcodes():
        if tag != "equal":
            yield old[i1:i2], new[j1:j2], offsets[i1]


def _lines(text: str) -> list[str]:
    starts = [*line_starts(text), len(text)]
    return [text[start:end] for start, end in pairwise(starts) if start < end]
