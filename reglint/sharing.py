"""What the bytes of a file tell of the names that it takes from another module of its project; nothing is parsed.

A file may be said to take more than it does, never less; what `importlib` imports by a name that is put together, and
objects that come from a third file without their class being named, are out of sight.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

_PART = rb"[\w\x80-\xff]"
_STATEMENT = re.compile(rb"\b(?:from|import)\b(?:\\\r?\n|[^\n#;(])*")
_IMPORT = re.compile(rb"\bimport\b")
_ALL = re.compile(rb"import[\s(\\]*\*")
_BRACKET = re.compile(rb"\((?:#[^\n]*|[^()#])*")
_WORDS = re.compile(rb"%b+|\.+|\*" % _PART)
_BY_STRING = (b"import_module", b"__import__")


class Imported(NamedTuple):
    """A statement: the words of the module that it names behind ``from``, and those that it imports."""

    source: list[bytes]
    names: list[bytes]


class Module:
    """A module as others import it."""

    def __init__(self, path: str) -> None:
        name = module_name(path)
        self._is_package = name == "__init__"
        self._word = (os.path.basename(os.path.dirname(path)) if self._is_package else name).encode()

    def gives(self, text: bytes, name: str) -> bool:
        """May a file with this text take ``name`` from here: by its name, with all names, or as an attribute?"""
        statements = list(_imported(text))
        taken = [word for statement in statements if self._is_source(statement) for word in statement.names]
        if b"*" in taken or name.encode() in taken:
            return True
        return self._is_imported(text, statements) and _reads(text, name)

    def gives_all(self, text: bytes) -> bool:
        """Does a file with this text take all names from here?"""
        return _ALL.search(text) is not None and any(
            b"*" in statement.names for statement in _imported(text) if self._is_source(statement)
        )

    def lends(self, text: bytes, classes: Collection[str], method: str) -> bool:
        """May a file with this text call ``method`` on objects of classes that are defined here?

        It may where it reads an attribute of that name from anything but an object of its own class; and where it does
        so from that as well, if it names one of the classes or imports anything from here.
        """
        if not _reads(text, method):
            return False
        if len(_reading(method).findall(text)) > len(_own_reading(method).findall(text)):
            return True
        statements = list(_imported(text))
        return any(map(self._is_source, statements)) or any(saying(name).search(text) for name in classes)

    def _is_source(self, statement: Imported) -> bool:
        """Does ``from … import`` mean this module?"""
        last = statement.source[-1:]
        return last == [self._word] or (self._is_package and bool(last) and not last[0].strip(b"."))

    def _is_imported(self, text: bytes, statements: Collection[Imported]) -> bool:
        """May the module itself have a name in a file?"""
        return any(self._word in each.names for each in statements) or any(word in text for word in _BY_STRING)


def _imported(text: bytes) -> Iterator[Imported]:
    """Yield the imports of a file, and whatever looks like one; a notebook has its line ends as escapes."""
    text = text.replace(rb"\n", b"\n")
    # One after the other, and none is tried anew: no line takes longer than it is long.
    for found in _STATEMENT.finditer(text):
        source, *names = _IMPORT.split(found[0])
        if names and not names[-1].strip():  # they stand in brackets
            listed = _BRACKET.match(text, found.end())
            names.append(listed[0] if listed else b"")
        yield Imported(_WORDS.findall(source), _WORDS.findall(b" ".join(names)))


def saying(name: str) -> re.Pattern[bytes]:
    """Matches a name in the bytes of a file; in a notebook it may follow an escape."""
    return re.compile(rb"(?:(?<!%b)|(?<=\\[nrtfb]))%b(?!%b)" % (_PART, re.escape(name.encode()), _PART))


def module_name(path: str) -> str:
    """The name of the module in a file, ``__init__`` for a package."""
    return os.path.splitext(os.path.basename(path))[0]


def _reads(text: bytes, name: str) -> bool:
    return name.encode() in text and _reading(name).search(text) is not None


def _reading(name: str) -> re.Pattern[bytes]:
    """Matches an attribute of a name, or a string that says no more than it."""
    return re.compile(rb"""(?:\.\s*|["'])%b(?!%b)""" % (re.escape(name.encode()), _PART))


def _own_reading(name: str) -> re.Pattern[bytes]:
    """Matches an attribute of the object or class that a method is called on."""
    owner = rb"(?:(?<![\w.\x80-\xff])(?:self|cls)|\bsuper\s*\([^()]*\))"
    return re.compile(rb"%b\s*\.\s*%b(?!%b)" % (owner, re.escape(name.encode()), _PART))
