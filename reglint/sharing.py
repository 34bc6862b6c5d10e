"""What the bytes of a file tell of the names that it takes from another module of its project; nothing is parsed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

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
    module = module_name(path)
    package = module == "__init__"
    word = re.escape((os.path.basename(os.path.dirname(path)) if package else module).encode())
    wanted = re.escape(name.encode())
    source = rb"(?:[^\n#;(]*\b%b|\s*\.+)" % word if package else rb"[^\n#;(]*\b%b" % word
    from_it = re.compile(rb"\bfrom\b%b\s+import\b(?:%b\b%b(?!%b)|[\s(]*\*)" % (source, _REST, wanted, _PART))
    whole = re.compile(rb"\bimport\b%b\b%b(?!%b)|import_module|__import__" % (_REST, word, _PART))
    attribute = re.compile(rb"""(?:\.\s*|["'])%b(?!%b)""" % (wanted, _PART))

    def may_take(text: bytes) -> bool:
        if from_it.search(text):
            return True
        return whole.search(text) is not None and attribute.search(text) is not None

    return may_take
