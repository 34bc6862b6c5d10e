"""What the bytes of a file tell of the names that it takes from another module of its project; nothing is parsed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection

_PART = rb"[\w\x80-\xff]"
#: The rest of a statement: of its line, of the lines that it goes on with, and of what stands behind a bracket.
_REST = rb"(?:[^\n#;(]|\\\r?\n)*(?:\([^()]*)?"


def saying(name: str) -> re.Pattern[bytes]:
    """Matches a name in the bytes of a file; in a notebook it may follow an escape."""
    return re.compile(rb"(?:(?<!%b)|(?<=\\[nrtfb]))%b(?!%b)" % (_PART, re.escape(name.encode()), _PART))


def module_name(path: str) -> str:
    """The name of the module in a file, ``__init__`` for a package."""
    return os.path.splitext(os.path.basename(path))[0]


def taking(path: str, name: str) -> Callable[[bytes], bool]:
    """Return what says whether the bytes of another file may take ``name`` from the module at ``path``.

    It may by an import of the name or of everything in the module, or as an attribute of the module; what imports
    modules by strings may take anything.
    """
    imported = rb"(?:%b\b%b(?!%b)|[\s(]*\*)" % (_REST, re.escape(name.encode()), _PART)
    from_it = re.compile(_from(path) + imported)
    whole = re.compile(_whole(path))
    read = _reading(name)

    def may_take(text: bytes) -> bool:
        return from_it.search(text) is not None or (whole.search(text) is not None and read.search(text) is not None)

    return may_take


def calling(path: str, classes: Collection[str], method: str) -> Callable[[bytes], bool]:
    """Return what says whether the bytes of another file may call ``method`` on objects of classes at ``path``.

    It may where it reads an attribute of that name and names a class, or imports anything from that module.
    """
    near = re.compile(rb"|".join([_from(path), _whole(path), *(saying(name).pattern for name in classes)]))
    read = _reading(method)

    def may_call(text: bytes) -> bool:
        return read.search(text) is not None and near.search(text) is not None

    return may_call


def _reading(name: str) -> re.Pattern[bytes]:
    """Matches an attribute of a name, or a string that says no more than it."""
    return re.compile(rb"""(?:\.\s*|["'])%b(?!%b)""" % (re.escape(name.encode()), _PART))


def _from(path: str) -> bytes:
    """Matches ``from … import`` where that means the module at a path."""
    source = rb"(?:[^\n#;(]*\b%b|\s*\.+)" if module_name(path) == "__init__" else rb"[^\n#;(]*\b%b"
    return rb"\bfrom\b%b\s+import\b" % (source % _word(path))


def _whole(path: str) -> bytes:
    """Matches an import of the module at a path by itself, and all imports by strings."""
    return rb"\bimport\b%b\b%b(?!%b)|import_module|__import__" % (_REST, _word(path), _PART)


def _word(path: str) -> bytes:
    """The name by which others import a module."""
    module = module_name(path)
    return re.escape((os.path.basename(os.path.dirname(path)) if module == "__init__" else module).encode())
