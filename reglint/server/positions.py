"""Offsets of a text as the protocol counts them: a line, and a column in the units that client and server agreed on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping

from lsprotocol.types import Position, PositionEncodingKind, Range

from reglint.lines import line_starts


def _utf16(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _utf8(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


_UNITS: Mapping[str, Callable[[str], int]] = {
    PositionEncodingKind.Utf8: _utf8,
    PositionEncodingKind.Utf16: _utf16,
    PositionEncodingKind.Utf32: len,
}


class Lines:
    """One text and where its lines start. Only what ends a line for the protocol does so, unlike ``str.splitlines``."""

    def __init__(self, text: str, encoding: str) -> None:
        self.text = text
        self._units = _UNITS.get(encoding, _utf16)
        self._starts = line_starts(text)

    def offset_at(self, row: int, column: int) -> int:
        """Takes row and column from 1, the column in characters; returns the offset, which lies within the text."""
        row = min(max(row, 1), len(self._starts))
        return min(self._starts[row - 1] + max(column, 1) - 1, len(self.text))

    def line_end(self, offset: int) -> int:
        """Takes an offset; returns where its line ends, the line end not included."""
        return self._end(bisect_right(self._starts, offset) - 1)

    def position(self, offset: int) -> Position:
        """Takes an offset; returns it as the client counts."""
        line = bisect_right(self._starts, offset) - 1
        return Position(line, self._units(self.text[self._starts[line] : offset]))

    def range(self, start: int, end: int) -> Range:
        """Takes two offsets; returns the range between them as the client counts."""
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        """Takes what the client counted; returns the offset, at most the end of the line or of the text."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self._end(position.line)
        if position.character >= self._units(self.text[start:end]):
            return end
        # The units of a prefix never shrink as it grows; inside a character the offset before it is meant.
        low, high = start, end
        while low < high:
            middle = (low + high + 1) // 2
            if self._units(self.text[start:middle]) <= position.character:
                low = middle
            else:
                high = middle - 1
        return low

    def _end(self, line: int) -> int:
        stop = self._starts[line + 1] if line + 1 < len(self._starts) else len(self.text)
        return self._starts[line] + len(self.text[self._starts[line] : stop].rstrip("\r\n"))
