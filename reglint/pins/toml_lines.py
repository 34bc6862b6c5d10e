"""TOML, and the line on which each of its values begins: the parsers that there are keep no positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reglint.bounded_toml import TOMLDecodeError, loads
from reglint.pins.pin import Unread

Place = tuple["str | int", ...]
"""Where a value stands: keys of tables, indices of arrays and of arrays of tables."""

_TOKEN = re.compile(
    r'''
      (?P<string>
        """(?:\\.|"{1,2}(?!")|[^"\\])*"{3,5}
      | \'\'\'.*?\'{3,5}
      | "(?:\\.|[^"\\])*"
      | '[^']*'
      )
    | (?P<skipped> \#[^\n]* | [ \t\r]+ )
    | (?P<end> \n )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<word> [^\s\[\]{}=,.#"']+ )
    ''',
    re.DOTALL | re.VERBOSE,
)
_DECODE_PLACE = re.compile(r"\s*\(at line (\d+), column \d+\)$")


class LocatedToml(NamedTuple):
    """A TOML document: what it says, and for every place in it the line (from 1) on which its value begins."""

    table: Mapping[str, Any]
    lines: Mapping[Place, int]

    def at(self, *place: str | int) -> Any:
        """The value at a place, None where there is none."""
        value: Any = self.table
        for step in place:
            container: Any = value if isinstance(value, Mapping | list) else ()
            try:
                value = container[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def line(self, *place: str | int) -> int:
        """The line of a place, or of the nearest one around it that has one."""
        for length in range(len(place), 0, -1):
            line = self.lines.get(place[:length])
            if line is not None:
                return line
        return 1


def load_toml(raw: bytes, path: str) -> LocatedToml | Unread:
    """Parse the bytes of a manifest; what is wrong with them if they are no TOML."""
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return Unread(path, raw.count(b"\n", 0, error.start) + 1, "not UTF-8, as TOML has to be")
    try:
        return LocatedToml(loads(text), lines_of(text))
    except TOMLDecodeError as error:
        place = _DECODE_PLACE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        what = _DECODE_PLACE.sub("", str(error)).removesuffix(" (at end of document)")
        return Unread(path, line, f"not valid TOML: {what}")
    except ValueError as error:  # too deep, or a number or date that is out of range
        return Unread(path, 1, f"not valid TOML: {error}")


def lines_of(text: str) -> dict[Place, int]:
    """The line on which each value of valid TOML begins; for a table that of its header or key."""
    scan = _Scan()
    for kind, word, line in _tokens(text):
        scan.take(kind, word, line)
    return scan.lines


class _Token(NamedTuple):
    kind: str
    word: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "", match[0]
        if kind != "skipped":
            yield _Token(kind, word, line)
        if kind == "string" or kind == "end":
            line += word.count("\n")


class _Frame:
    """What is being read: ``document``, ``header``, ``inline`` (a table) or ``array``."""

    __slots__ = ("index", "keys", "kind", "place", "value")

    def __init__(self, kind: str, place: Place) -> None:
        self.kind = kind
        self.place = place
        self.keys: list[str] = []
        self.value = kind == "array"
        self.index = 0


class _Scan:
    """Follows the tokens of a document that is known to be valid, so that it needs to check nothing."""

    def __init__(self) -> None:
        self.lines: dict[Place, int] = {}
        self._counts: dict[Place, int] = {}
        self._document = _Frame("document", ())
        self._frames = [self._document]

    def take(self, kind: str, word: str, line: int) -> None:
        """Take the next token."""
        frame = self._frames[-1]
        if kind == "end":
            if frame.kind == "document":
                self._next(frame)
        elif kind == "mark" and word in "]}":
            self._close(frame, line)
        elif kind == "mark" and word == ",":
            self._next(frame)
        elif frame.value:
            self._begin_value(frame, word, line)
        elif word == "[":
            if frame.kind == "document":
                self._frames.append(_Frame("header", ()))
            elif frame.kind == "header":
                frame.index = 1
        elif word == "=":
            frame.value = True
        elif kind != "mark":
            frame.keys.append(_key(kind, word))

    def _next(self, frame: _Frame) -> None:
        """Go on to the next statement, or the next item behind a comma."""
        frame.keys = []
        frame.value = frame.kind == "array"
        frame.index += 1

    def _begin_value(self, frame: _Frame, word: str, line: int) -> None:
        place = (*frame.place, frame.index) if frame.kind == "array" else (*frame.place, *frame.keys)
        for length in range(len(frame.place) + 1, len(place) + 1):
            self.lines.setdefault(place[:length], line)
        if word in ("[", "{"):
            self._frames.append(_Frame("array" if word == "[" else "inline", place))

    def _close(self, frame: _Frame, line: int) -> None:
        if frame.kind == "header":
            if frame.keys:
                self._document.place = self._table(frame.keys, bool(frame.index), line)
                frame.keys = []
            if frame.index:  # the first of the two brackets that close `[[name]]`
                frame.index = 0
                return
        if len(self._frames) > 1:
            self._frames.pop()

    def _table(self, keys: list[str], is_array: bool, line: int) -> Place:
        """The place that a header opens."""
        place: Place = ()
        for position, key in enumerate(keys):
            place = (*place, key)
            self.lines.setdefault(place, line)
            if is_array and position == len(keys) - 1:
                self._counts[place] = self._counts.get(place, 0) + 1
            if place in self._counts:
                place = (*place, self._counts[place] - 1)
                self.lines.setdefault(place, line)
        return place


def _key(kind: str, word: str) -> str:
    if kind != "string":
        return word
    return str(loads(f"key = {word}")["key"]) if "\\" in word else word[1:-1]
