"""Reads JSON and remembers where its strings stand.

Readers are put together to the shape that is wanted. Only the way down to it is walked here; every other value is
skipped by the standard library's decoder, which is fast on megabytes of pictures.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from json import JSONDecodeError
from typing import Any


@dataclass(frozen=True)
class Literal:
    """A JSON string: what it reads, and its inside as it stands in the document from ``start`` on."""

    start: int
    raw: str
    value: str

    def document_offset(self, offset: int) -> int:
        """Takes an offset in the value; returns the document's offset of that character or of its escape."""
        values, raws = self._escapes
        index = bisect_right(values, offset) - 1
        return self.start + raws[index] + offset - values[index]

    @cached_property
    def _escapes(self) -> tuple[list[int], list[int]]:
        """Offsets in the value and in the raw string that correspond: the start, and after each escape."""
        values, raws = [0], [0]
        for match in _ESCAPE.finditer(self.raw):
            values.append(values[-1] + match.start() - raws[-1] + 1)
            raws.append(match.end())
        return values, raws


_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.")

Reader = Callable[[str, int], tuple[Any, int]]
_DECODER = json.JSONDecoder(parse_int=str)  # str: int refuses more than 4300 digits
_SPACE = re.compile(r"[ \t\n\r]*")


def read_json(document: str, reader: Reader) -> tuple[int, Any]:
    """Takes a JSON document and the reader of its shape; returns where its value starts, and the value.

    Raises JSONDecodeError, and RecursionError where values are nested beyond what the decoder can follow.
    """
    start = _skip(document, 0)
    value, end = reader(document, start)
    end = _skip(document, end)
    if end != len(document):
        raise JSONDecodeError("Extra data", document, end)
    return start, value


def any_value(document: str, position: int) -> tuple[Any, int]:
    """Reads any value; nothing remembers where it stood."""
    return _DECODER.raw_decode(document, position)


def string(document: str, position: int) -> tuple[Any, int]:
    """Reads any value; a string comes back as a Literal."""
    value, end = any_value(document, position)
    if document.startswith('"', position):  # integers come as str, too
        return Literal(position + 1, document[position + 1 : end - 1], value), end
    return value, end


def array_of(item: Reader, otherwise: Reader = any_value) -> Reader:
    """Reads an array with ``item`` for its items; a value that is no array with ``otherwise``."""

    def read(document: str, position: int) -> tuple[Any, int]:
        if not document.startswith("[", position):
            return otherwise(document, position)
        found: list[Any] = []
        done, position = _opened("]", document, position)
        while not done:
            value, position = item(document, position)
            found.append(value)
            done, position = _after_item("]", document, position)
        return found, position

    return read


def object_of(members: Mapping[str, Reader]) -> Reader:
    """Reads an object and keeps the members that are named; a value that is no object comes back as it is."""

    def read(document: str, position: int) -> tuple[Any, int]:
        if not document.startswith("{", position):
            return any_value(document, position)
        found: dict[str, Any] = {}
        done, position = _opened("}", document, position)
        while not done:
            if not document.startswith('"', position):
                raise JSONDecodeError("Expecting property name enclosed in double quotes", document, position)
            key, position = any_value(document, position)
            position = _expect(":", document, position)
            value, position = members.get(key, any_value)(document, position)
            if key in members:
                found[key] = value
            done, position = _after_item("}", document, position)
        return found, position

    return read


def placed(reader: Reader) -> Reader:
    """Reads what ``reader`` reads, and returns it with the position where it begins."""

    def read(document: str, position: int) -> tuple[Any, int]:
        value, end = reader(document, position)
        return (position, value), end

    return read


def _skip(document: str, position: int) -> int:
    match = _SPACE.match(document, position)
    return match.end() if match else position


def _expect(mark: str, document: str, position: int) -> int:
    """Takes a position where ``mark`` must stand; returns the one where the next thing begins."""
    position = _skip(document, position)
    if not document.startswith(mark, position):
        raise JSONDecodeError(f"Expecting {mark!r} delimiter", document, position)
    return _skip(document, position + 1)


def _opened(close: str, document: str, position: int) -> tuple[bool, int]:
    """Takes the position of an opening bracket; says whether nothing is in it, and where reading goes on."""
    position = _skip(document, position + 1)
    done = document.startswith(close, position)
    return done, position + done


def _after_item(close: str, document: str, position: int) -> tuple[bool, int]:
    """Takes a position after an item; says whether it was the last, and where reading goes on."""
    position = _skip(document, position)
    if document.startswith(close, position):
        return True, position + 1
    return False, _expect(",", document, position)
